"""Software triggers are counted to the last one: each is a frame in the spool or a loss with a
row.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qc_edge.camera.scripted import ScriptedCamera
from qc_edge.capture.capture import Capture
from qc_edge.capture.recorder import CaptureTarget
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings import CameraSettings, StationPaths, StorageSettings, Trigger
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.durable import Disk
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.spool import Spool

SETTINGS = CameraSettings(
    name="top", backend="scripted", trigger=Trigger.SOFTWARE, rate_hz=200.0, grab_timeout_s=0.2
)


class CountingCamera(ScriptedCamera):
    """Knows how often it was triggered."""

    fired = 0

    def trigger(self) -> None:
        super().trigger()
        self.fired += 1


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    paths = StationPaths(tmp_path, "line1")
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    return paths


@contextmanager
def capturing(paths: StationPaths, camera: ScriptedCamera) -> Iterator[Capture]:
    disk, stop = Disk(), threading.Event()
    disk_monitor = DiskMonitor(paths.state, disk, StorageSettings(warn_free_mb=0, stop_free_mb=0))
    clock = FrameClock(paths.state / "frame-clock")
    spool = Spool(paths, disk)
    events = StationEventLog("line1", clock, spool, None, "top")
    target = CaptureTarget("line1", "boot", clock, spool, disk_monitor)
    capture = Capture(SETTINGS, camera, target, events)
    thread = threading.Thread(target=capture.run, args=(Heartbeat("capture", 10.0), stop))
    thread.start()
    try:
        yield capture
    finally:
        stop.set()
        thread.join(10.0)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    wake = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        wake.wait(0.005)


def spooled(paths: StationPaths) -> Counter[str]:
    """Frames, and lost frames by reason, as they lie in the spool."""
    found: Counter[str] = Counter(frame=len(list(paths.frames.glob("*.pgm"))))
    for file in paths.frames.glob("*.row.json"):
        row = json.loads(file.read_bytes())
        if row["table"] == "gaps":
            found[row["reason"]] += row["lost"]
    return found


def test_a_resting_camera_is_not_triggered_and_has_answered(paths: StationPaths) -> None:
    camera = CountingCamera("f", repeat=True, settings=SETTINGS)
    with capturing(paths, camera) as capture:
        wait_until(lambda: capture.state.spooled >= 3)
        capture.rest()
        assert capture.resting.wait(30)
        fired = camera.fired
        assert fired == capture.state.triggers == capture.state.spooled == spooled(paths)["frame"]
        assert not threading.Event().wait(0.05)
        assert camera.fired == fired


def test_a_loss_has_its_row_before_the_camera_rests(paths: StationPaths) -> None:
    camera = CountingCamera("3f 2x f", settings=SETTINGS, repeat=True)
    with capturing(paths, camera) as capture:
        wait_until(lambda: capture.state.lost >= 2)
        capture.rest()
        assert capture.resting.wait(30)
        found = spooled(paths)
        assert found.total() == camera.fired == capture.state.triggers
        assert found["failed_grab"] == capture.state.lost


def test_a_trigger_without_an_answer_at_the_stop_is_lost(paths: StationPaths) -> None:
    camera = CountingCamera("2f", settings=SETTINGS)
    with capturing(paths, camera):
        wait_until(lambda: camera.fired == 3)
    assert spooled(paths) == {"frame": 2, "no_answer": 1}


def test_a_trigger_is_lost_with_its_camera(paths: StationPaths) -> None:
    camera = CountingCamera("2f l 9f", settings=SETTINGS, repeat=True)
    with capturing(paths, camera) as capture:
        wait_until(lambda: capture.state.reopened == 1 and capture.state.spooled >= 4)
    assert spooled(paths).total() == camera.fired
    assert spooled(paths)["no_answer"] == 1
