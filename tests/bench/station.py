"""A whole station under measurement: a camera that plays from memory, an output that takes
times.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qc_edge.camera import CameraInfo, Exposure
from qc_edge.domain.calibration import starting_calibration
from qc_edge.domain.frame import Frame, frame_id
from qc_edge.domain.parts.told import ToldPart
from qc_edge.records.calibrations import write
from qc_edge.service.clock import boot_id, utc_now
from qc_edge.service.logs import start_logging
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.setup.new_station import parse_camera, provision
from qc_edge.station.daemon import Station
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool

Gray = npt.NDArray[np.uint8]

_SETTINGS = """
[station]
name = "bench"
deadline_ms = 60000.0

[[camera]]
name = "top"
backend = "scripted"
silence_s = 3600.0

[storage]
warn_free_mb = 100.0
stop_free_mb = 50.0

[log]
level = "warning"
verdicts_per_s = 0.0
"""


_SAMPLE_EVERY = 500


class MemoryCamera:
    """Delivers frames from memory: `rate_hz` a second, or as fast as fewer than `ahead` are under
    way.
    """

    counts_frames = True

    def __init__(
        self, frames: list[Gray], count: int, rate_hz: float | None, ahead: int = 8
    ) -> None:
        self._frames, self._count, self._rate_hz, self._ahead = frames, count, rate_hz, ahead
        self._number = 0
        self._due = 0.0
        self.announced = 0
        self.room = threading.Event()

    def open(self) -> CameraInfo:
        """Always there."""
        height, width = self._frames[0].shape
        self._due = time.monotonic() + 0.2
        return CameraInfo("memory", "0", width, height, "Mono8")

    def trigger(self) -> None:
        """Runs freely."""

    def grab(self, timeout_s: float) -> Exposure | None:
        """The next frame when it is due."""
        if self._number >= self._count:
            self.room.wait(timeout_s)
            self.room.clear()
            return None
        if self._rate_hz is not None:
            time.sleep(max(0.0, self._due - time.monotonic()))
            self._due += 1 / self._rate_hz
        else:
            while self._number - self.announced >= self._ahead:
                self.room.wait(0.1)
                self.room.clear()
        pixels = self._frames[self._number % len(self._frames)]
        self._number += 1
        return Exposure(pixels, "Mono8", self._number, None, time.monotonic_ns())

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """It has nothing to set."""
        height, width = self._frames[0].shape
        return CameraInfo("memory", settings.serial or "0", width, height, "Mono8")

    def close(self) -> None:
        """Nothing to let go."""


def _times() -> array[float]:
    """8 bytes each, that memory is measured of the station and not of the measure."""
    return array("d")


@dataclass(slots=True)
class Stopwatch:
    """The output under measurement: when each part was announced, and how old its frame was
    then.
    """

    count: int
    supervisor: Supervisor
    camera: MemoryCamera | None = None
    at: array[float] = field(default_factory=_times)
    worked: array[float] = field(default_factory=_times)
    ages_ms: array[float] = field(default_factory=_times)
    memory_mb: list[float] = field(default_factory=list)
    clear: Path | None = None

    def announce(self, told: ToldPart) -> None:
        """Take the time."""
        inspection = told.inspections[0]
        self.at.append(time.perf_counter())
        self.worked.append(time.process_time())
        if inspection.monotonic_ns is not None:
            self.ages_ms.append((time.monotonic_ns() - inspection.monotonic_ns) / 1e6)
        if self.camera:
            self.camera.announced += 1
            self.camera.room.set()
        if self.clear is not None and len(self.at) % _SAMPLE_EVERY == 0:
            self.memory_mb.append(_resident_mb())
            for old in sorted(self.clear.glob("*/*/*"))[: -4 * _SAMPLE_EVERY]:
                old.unlink()
        if len(self.at) == self.count:
            self.supervisor.stop()

    def close(self) -> None:
        """Nothing to let go."""

    def rate(self, skip: int = 0) -> float:
        """Parts a second, the first `skip` left out."""
        return (len(self.at) - 1 - skip) / (self.at[-1] - self.at[skip])

    def cpu_ms(self, since: int, until: int) -> float:
        """Processor time of the process for each part between the two announcements (-1: the last),
        in ms.
        """
        begun, ended = since % len(self.at), until % len(self.at)
        return (self.worked[ended] - self.worked[begun]) * 1e3 / (ended - begun)


def make_station(root: Path) -> StationPaths:
    """A fresh station without reference, in which every frame from `frames_of` is judged."""
    paths = provision(root, "bench", parse_camera("none")).paths
    paths.settings.write_text(_SETTINGS)
    write(paths.calibration, starting_calibration("bench", "top", utc_now()))
    return paths


def run_station(
    root: Path,
    count: int,
    frames: list[Gray] | None = None,
    rate_hz: float | None = None,
    *,
    sample_memory: bool = False,
) -> Stopwatch:
    """Run until `count` parts are announced: frames from memory, or what waits in the spool.

    With `sample_memory` old evidence is removed on the way, so that a small disk holds many frames.
    """
    start_logging("warning", "bench")
    supervisor = Supervisor()
    camera = MemoryCamera(frames, count, rate_hz) if frames else None
    watch = Stopwatch(count, supervisor, camera)
    if sample_memory:
        watch.clear = StationPaths(root, "bench").evidence

    def connect(_: CameraSettings) -> MemoryCamera:
        return camera or MemoryCamera([np.zeros((8, 8), np.uint8)], 0, None)

    Station(root, "bench", Dependencies(connect_camera=connect, outputs=[watch])).run(supervisor)
    return watch


def fill_spool(paths: StationPaths, frames: list[Gray], count: int) -> None:
    """Put `count` frames into the spool, as capture would have."""
    spool, boot, disk = Spool(paths, Disk()), boot_id(), time.time_ns() // 1000 - count
    for index in range(count):
        frame = Frame(
            frame_id(disk + index, "top"),
            "top",
            utc_now(),
            True,
            monotonic_ns=time.monotonic_ns(),
            boot_id=boot,
            pixel_format="Mono8",
        )
        spool.put_frame(frame, frames[index % len(frames)], 8)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
