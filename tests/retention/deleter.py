"""Deletes at a station at rest, in a process that is killed on cue: ROOT STEP NTH.

As if it were twenty days later.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from qc_edge.retention import deleting, judged
from qc_edge.retention.deleting import Deleted, Deleting
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.station.twins import Cues, Fault, FaultyDisk

LATER = timedelta(days=20)


def main() -> None:
    """Run to the end, or until it is killed."""
    root, step, nth = sys.argv[1:]
    judged.NEWEST_INPUTS = 1
    delete(StationPaths(Path(root), "line1"), FaultyDisk(Cues([Fault(step, int(nth))])))


def delete(paths: StationPaths, disk: Disk, *, pressed: bool = False) -> Deleted:
    """What a station does twenty days later: first what a crash has left, then what is due."""
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, disk)
    own = {name: vars(deleting)[name] for name in ("_BATCH", "utc_now")}
    vars(deleting).update(_BATCH=2, utc_now=lambda: utc_now() + LATER)
    try:
        work = Deleting(paths, ledger, disk)
        work.take_up()
        return work.run(load_settings(paths.settings), lambda: True, lambda: pressed)
    finally:
        vars(deleting).update(own)
        ledger.close()


if __name__ == "__main__":
    main()
