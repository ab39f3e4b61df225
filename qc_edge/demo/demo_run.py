"""One run of the demo, in order: render parts, run a real station on them, close the count."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from qc_edge import camera
from qc_edge.camera import Camera
from qc_edge.demo import demo_station
from qc_edge.demo.account import Account, read_account
from qc_edge.demo.announcements import Announcements, Latencies
from qc_edge.demo.changeover.run import ChangeoverReport, ChangeoverRun
from qc_edge.demo.counting_camera import CountingCamera
from qc_edge.demo.display import Display
from qc_edge.demo.parts import count_for, render_parts
from qc_edge.demo.station_log import WarningCounter, log_to_file
from qc_edge.demo.station_thread import StationThread
from qc_edge.demo.view import Phase, View
from qc_edge.domain.verdict import Verdict
from qc_edge.errors import QcEdgeError, WorkerStuckError
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.setup.new_station import CAMERA_NAME
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status

RATE_HZ = 8.0
SEED = 20261122

_REDRAW_S = 0.125
_START_TIMEOUT_S = 60.0
_REST_TIMEOUT_S = 5.0
_DRAIN_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What came of a demo.

    `changeover` is what came of the station with two cameras, None if the demo was ended before.
    `device` describes the camera and `frame_numbers` are the first and the last number that it
    gave; `seconds` is how long parts were inspected; `snapshot` is a view of the running station
    for a picture, with a defect in it if there was one.
    """

    paths: StationPaths
    account: Account
    latencies: Latencies
    status: Status
    device: str
    frame_numbers: tuple[int, int] | None
    seconds: float
    interrupted: bool
    warnings: int
    snapshot: View
    changeover: ChangeoverReport | None

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words, at either station; the demo has succeeded if nothing is."""
        return [*self.account.faults, *(self.changeover.faults if self.changeover else ())]


class DemoRun:
    """One run of the demo under the absolute `root`. `run` is called once, by the main thread."""

    def __init__(self, root: Path, seconds: float, seed: int, display: Display) -> None:
        self._seconds = seconds
        self._seed = seed
        self._display = display
        self._paths = StationPaths(root, demo_station.STATION)
        self._announcements = Announcements()
        self._interrupted = threading.Event()
        self._warnings = WarningCounter()
        self._camera: CountingCamera | None = None
        self._station: StationThread | None = None
        self._status: Status | None = None
        self._snapshot: View | None = None

    def run(self) -> DemoReport:
        """Everything. Raises QcEdgeError if the station does not come up or fails on the way.

        Ctrl-C ends it early, in order; a second one at once.
        """
        triggers = self._seconds * RATE_HZ
        # Before the parts are rendered, which takes seconds: says if pylon is missing.
        camera.connect(CameraSettings(name=CAMERA_NAME, backend="emulated"))
        demo_station.clear_directory(self._paths.root, round(triggers))
        log_file = demo_station.log_file(self._paths.root)
        with _first_interrupt_sets(self._interrupted), log_to_file(log_file, self._warnings):
            count = count_for(triggers)
            parts = render_parts(
                self._paths.emulated_parts,
                self._seed,
                count,
                lambda done: self._show(Phase.RENDERING, done, count),
            )
            demo_station.make_station(self._paths, parts, RATE_HZ)
            seconds = self._run_station()
            changeover = self._change_over()
        counter = self._camera
        assert counter is not None and self._status is not None and self._snapshot is not None  # noqa: S101
        return DemoReport(
            paths=self._paths,
            account=read_account(self._paths, parts, counter.fired),
            latencies=self._announcements.snapshot().latencies,
            status=self._status,
            device=counter.device,
            frame_numbers=counter.frame_numbers,
            seconds=seconds,
            interrupted=self._interrupted.is_set(),
            warnings=self._warnings.count,
            snapshot=self._snapshot,
            changeover=changeover,
        )

    def _run_station(self) -> float:
        """Run the station until the time is up and its spool is empty; the seconds it inspected."""
        dependencies = Dependencies(connect_camera=self._connect, outputs=[self._announcements])
        station = self._station = StationThread(self._paths, dependencies, self._keep_status)
        station.start()
        try:
            self._wait(Phase.STARTING, _START_TIMEOUT_S, self._is_inspecting)
            begun = time.monotonic()
            while station.is_alive and (done := time.monotonic() - begun) < self._seconds:
                self._show(Phase.RUNNING, done, self._seconds)
                if self._interrupted.wait(_REDRAW_S):
                    break
            seconds = time.monotonic() - begun
            # The count is only closed once nothing is on its way: first no more triggers, then
            # every frame in the spool, then the spool empty.
            station.rest_cameras()
            self._wait(Phase.DRAINING, _REST_TIMEOUT_S, lambda: station.cameras_rest)
            self._wait(Phase.DRAINING, _DRAIN_TIMEOUT_S, lambda: not self._spool_depth())
        finally:
            station.stop()
            self._wait(Phase.STOPPING, _STOP_TIMEOUT_S, lambda: not station.is_alive)
        station.raise_error()
        if station.is_alive:
            raise WorkerStuckError(
                f"the station did not stop within {_STOP_TIMEOUT_S:g} s", hint=self._log_hint()
            )
        return seconds

    def _change_over(self) -> ChangeoverReport | None:
        """The station with two cameras and two products, unless somebody has ended the demo."""
        if self._interrupted.is_set():
            return None
        root, seed = self._paths.root, self._seed
        run = ChangeoverRun(root, seed, self._display, self._warnings, self._interrupted)
        return run.run()

    def _is_inspecting(self) -> bool:
        return self._camera is not None and self._camera.fired > 0

    def _spool_depth(self) -> int:
        try:
            return sum(1 for _ in self._paths.frames.iterdir())
        except FileNotFoundError:  # nothing is made yet while the parts are rendered
            return 0

    def _wait(self, phase: Phase, timeout_s: float, condition: Callable[[], bool]) -> None:
        """Show `phase` until `condition` holds, the station ends, or the time is up.

        Raises QcEdgeError if the station has not come up in time, KeyboardInterrupt if somebody
        interrupts it before that.
        """
        assert self._station is not None  # noqa: S101
        begun = time.monotonic()
        pause = threading.Event()
        while not condition() and self._station.is_alive:
            if (done := time.monotonic() - begun) > timeout_s:
                if phase is Phase.STARTING:
                    troubles = self._status.troubles if self._status else ()
                    raise QcEdgeError(
                        f"the station did not start within {timeout_s:g} s: {'; '.join(troubles)}",
                        hint=self._log_hint(),
                    )
                return
            if phase is Phase.STARTING and self._interrupted.is_set():
                raise KeyboardInterrupt
            self._show(phase, done, timeout_s)
            pause.wait(_REDRAW_S)

    def _show(self, phase: Phase, done: float, total: float) -> None:
        if phase is Phase.RENDERING and self._interrupted.is_set():
            raise KeyboardInterrupt
        parts = self._announcements.snapshot()
        captures = self._station.captures if self._station else []
        view = View(
            phase,
            done,
            total,
            parts,
            self._paths.state,
            status=self._status,
            # A copy: the capture's thread goes on counting while the screen is drawn.
            camera=replace(captures[0].state) if captures else None,
            spool=self._spool_depth(),
            warnings=self._warnings.count,
            last_warning=self._warnings.last,
        )
        shows_defect = bool(parts.recent) and parts.recent[0].inspection.verdict is Verdict.FAIL
        is_early = phase is Phase.RUNNING and done < total / 2
        if self._snapshot is None or is_early or (phase is Phase.RUNNING and shows_defect):
            self._snapshot = view
        self._display.show(view)

    def _connect(self, settings: CameraSettings) -> Camera:
        self._camera = CountingCamera(camera.connect(settings))
        return self._camera

    def _keep_status(self, status: Status) -> None:
        self._status = status

    def _log_hint(self) -> str:
        return f"see {demo_station.log_file(self._paths.root)}"


@contextmanager
def _first_interrupt_sets(event: threading.Event) -> Iterator[None]:
    """The first SIGINT or SIGTERM sets `event`; the next one does what it did before.

    So a demo that does not end in order can still be killed from the keyboard.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        event.set()
        restore()

    for number in signals:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
