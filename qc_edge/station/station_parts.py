"""What the roles of a station are built from."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.service.clock import FrameClock
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import Settings, StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.meter import Meter
from qc_edge.station.reporter import Reporter
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.spool import Spool


@dataclass(frozen=True)
class StationParts:
    """What every role of a station is built from. The daemon makes it."""

    paths: StationPaths
    settings: Settings
    dependencies: Dependencies
    boot: str
    workers: WorkerPool
    meter: Meter
    reporter: Reporter
    disk_monitor: DiskMonitor
    spool: Spool
    clock: FrameClock
