"""What a station takes from outside itself, and what its roles are built from, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge import camera, engine
from qc_edge.camera import Camera
from qc_edge.engine import Loader
from qc_edge.output import Output
from qc_edge.service.clock import FrameClock
from qc_edge.service.remote.file_server import FileServer
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import CameraSettings, Settings, StationPaths
from qc_edge.station.meter import Meter
from qc_edge.station.reporter import Reporter
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool


@dataclass(frozen=True)
class Dependencies:
    """What a station uses of the outside; a test or the demo puts twins in its place.

    `patience_s`: a worker silent for longer is stuck.
    """

    disk: Disk = field(default_factory=Disk)
    serve_spool: Callable[[Path], FileServer] = FileServer
    connect_camera: Callable[[CameraSettings], Camera] = camera.connect
    load_engine: Loader = engine.load_engine
    outputs: Sequence[Output] = ()
    patience_s: float = 15.0


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
