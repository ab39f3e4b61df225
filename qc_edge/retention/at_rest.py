"""Deleting at a station that does not run."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timezone

from qc_edge.errors import UsageError
from qc_edge.labels import drop
from qc_edge.retention.deleting import Deleted, Deleting
from qc_edge.service.known_time import KnownTime
from qc_edge.service.lock import StationLock
from qc_edge.service.synchronisation import is_synchronised
from qc_edge.settings import Role, Settings, StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger


def run_at_rest(paths: StationPaths, settings: Settings) -> Deleted:
    """Delete what is due, under the station's own lock. Raises BusyError where it has started
    meanwhile, UsageError where something waits that may keep a picture, StoreError.
    """
    target = settings.retention.target_free_mb
    disk = Disk()
    with ExitStack() as stack:
        stack.enter_context(StationLock(paths.lock(Role.INSPECT)))
        if any(drop.waiting(each) for each in (paths.labels, paths.holds)):
            raise UsageError(
                f"labels or holds of {paths.name} wait to be taken up: they may keep what would go",
                hint="start the station once, it takes them up",
            )
        ledger = Ledger(paths.database, paths.journal, paths.set_aside, disk)
        stack.callback(ledger.close)
        deleting = Deleting(paths, ledger, disk, now=lambda: _now(ledger))
        deleting.take_up()
        return deleting.run(
            settings,
            lambda: True,
            lambda: target > 0 and disk.free_bytes(paths.state) < target * 1e6,
        )


def _now(ledger: Ledger) -> datetime:
    """What ages are counted to: not to a clock that nothing synchronises and that stands far ahead
    of all that is on record.
    """
    recorded = ledger.startup_state.recorded
    known = KnownTime(_wall_us, recorded, trusted=is_synchronised())
    return datetime.fromtimestamp(known.sealing_us() / 1e6, timezone.utc)


def _wall_us() -> int:
    return time.time_ns() // 1000
