"""Where the inspector's files come from and where its rows go."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.inspection.crash_isolation import CrashIsolation, TakenFrames
from qc_edge.intake.arrivals import Arrivals
from qc_edge.intake.exposure import ExposureTimes
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool


@dataclass(frozen=True, slots=True)
class InspectionStores:
    """What the inspector works on: the queue, the spool behind it, the log, and the disk's state.

    `crash_isolation` keeps which frames may have caused the last crash, `taken_frames` which may
    cause the next; `exposure_times` tells when a frame was exposed.
    """

    arrivals: Arrivals
    spool: Spool
    ledger: Ledger
    disk_monitor: DiskMonitor
    crash_isolation: CrashIsolation
    exposure_times: ExposureTimes
    taken_frames: TakenFrames
