"""A station of the benchmark that has years behind it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from qc_edge.publish.publisher import Publisher
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.bench.log import NAME
from tests.bench.station import make_station
from tests.event_log import MemoryEventLog


def station_with_past(root: Path, clone: Path) -> StationPaths:
    """A station of the benchmark with the log of `root`: its database copied, its published files
    shared.

    The past days are sealed, as they are on a station: it does not do that while it is timed.
    """
    shutil.rmtree(clone, ignore_errors=True)
    past, paths = StationPaths(root, NAME), make_station(clone)
    shutil.copyfile(past.database, paths.database)
    shutil.copytree(past.published, paths.published, copy_function=os.link, dirs_exist_ok=True)
    paths.journal.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    try:
        publisher = Publisher(ledger, paths.published, Disk(), NAME, MemoryEventLog())
        publisher.compare(utc_now())
        for day in publisher.due(utc_now()):
            publisher.seal(day, utc_now())
    finally:
        ledger.close()
    # What was copied is on the disk, and what will be asked is in memory: neither is the question's
    # doing.
    os.sync()
    for path in paths.published.rglob("*.parquet"):
        path.read_bytes()
    return paths
