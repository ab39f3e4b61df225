"""The demo from curtain to curtain: render, run a real station, end it in order, make the
account.
"""

from __future__ import annotations

import logging
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
from qc_edge.demo import place
from qc_edge.demo.account import Account, reckon
from qc_edge.demo.display import Display
from qc_edge.demo.feed import Feed, Latencies
from qc_edge.demo.meter import MeteredCamera
from qc_edge.demo.parts import count_for, render_parts
from qc_edge.demo.view import Phase, View
from qc_edge.domain.verdict import Verdict
from qc_edge.errors import QcEdgeError, WorkerStuckError
from qc_edge.service.logs import LOG
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.setup.new_station import CAMERA_NAME
from qc_edge.station.daemon import Station
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status
from qc_edge.station.supervisor import Supervisor

RATE_HZ = 8.0
SEED = 20261122

_FRAME_S = 0.125
_READY_S = 60.0
_REST_S = 5.0
_DRAIN_S = 60.0
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo has to say at its end. `scene` is a view of the running station worth
    keeping.
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
    scene: View


class Performance:
    """One run of the demo under the absolute `root`. `play` is called once, by the main thread."""

    def __init__(self, root: Path, seconds: float, seed: int, display: Display) -> None:
        self._seconds = seconds
        self._seed = seed
        self._display = display
        self._paths = StationPaths(root, place.STATION)
        self._feed = Feed()
        self._ended = threading.Event()
        self._heard = _Warnings()
        self._meter: MeteredCamera | None = None
        self._station: Station | None = None
        self._status: Status | None = None
        self._scene: View | None = None

    def play(self) -> DemoReport:
        """Everything. Raises QcEdgeError if the station does not come up or fails on the way.

        Ctrl-C ends it early, in order; a second one at once.
        """
        triggers = self._seconds * RATE_HZ
        camera.connect(
            CameraSettings(name=CAMERA_NAME, backend="emulated")
        )  # says it if pylon is missing
        place.clear(self._paths.root, round(triggers))
        with _interrupts(self._ended), self._logged():
            count = count_for(triggers)
            parts = render_parts(
                self._paths.emulated_parts,
                self._seed,
                count,
                lambda done: self._show(Phase.RENDERING, done, count),
            )
            place.furnish(self._paths, parts, RATE_HZ)
            seconds = self._run()
        meter = self._meter
        assert meter is not None and self._status is not None and self._scene is not None  # noqa: S101
        numbers = meter.first_number, meter.last_number
        return DemoReport(
            paths=self._paths,
            account=reckon(self._paths, parts, meter.fired),
            latencies=self._feed.announced().latencies,
            status=self._status,
            device=meter.device,
            frame_numbers=None
            if numbers[0] is None or numbers[1] is None
            else (numbers[0], numbers[1]),
            seconds=seconds,
            interrupted=self._ended.is_set(),
            warnings=self._heard.count,
            scene=self._scene,
        )

    def _run(self) -> float:
        """The station's life on a thread of its own; how many seconds it inspected."""
        dependencies = Dependencies(connect_camera=self._connect, outputs=[self._feed])
        station = self._station = Station(self._paths.root, self._paths.name, dependencies)
        supervisor = Supervisor(on_status=self._hear)
        faults: list[BaseException] = []
        thread = threading.Thread(
            target=_kept(lambda: station.run(supervisor), faults), name="station"
        )
        thread.start()
        try:
            self._wait(Phase.STARTING, _READY_S, self._is_inspecting, thread)
            begun = time.monotonic()
            while thread.is_alive() and (done := time.monotonic() - begun) < self._seconds:
                self._show(Phase.RUNNING, done, self._seconds)
                if self._ended.wait(_FRAME_S):
                    break
            inspected = time.monotonic() - begun
            for capture in station.captures:
                capture.rest()
            self._wait(Phase.DRAINING, _REST_S, self._rests, thread)
            self._wait(Phase.DRAINING, _DRAIN_S, lambda: not self._waiting(), thread)
        finally:
            supervisor.stop()
            self._wait(Phase.STOPPING, _STOP_S, lambda: not thread.is_alive(), thread)
            if not thread.is_alive():
                thread.join()
        if faults:
            raise faults[0]
        if thread.is_alive():
            raise WorkerStuckError(
                f"the station did not stop within {_STOP_S:g} s", hint=self._see_log()
            )
        return inspected

    def _is_inspecting(self) -> bool:
        return self._meter is not None and self._meter.fired > 0

    def _rests(self) -> bool:
        assert self._station is not None  # noqa: S101
        return all(capture.resting.is_set() for capture in self._station.captures)

    def _waiting(self) -> int:
        """Files in the spool."""
        try:
            return sum(1 for _ in self._paths.frames.iterdir())
        except FileNotFoundError:
            return 0

    def _wait(
        self,
        phase: Phase,
        patience_s: float,
        condition: Callable[[], bool],
        thread: threading.Thread,
    ) -> None:
        """Show until `condition`, the end of the station or of the patience.

        Raises QcEdgeError only if the station has not come up in time.
        """
        begun = time.monotonic()
        pause = threading.Event()
        while not condition() and thread.is_alive():
            if (done := time.monotonic() - begun) > patience_s:
                if phase is Phase.STARTING:
                    troubles = self._status.troubles if self._status else ()
                    raise QcEdgeError(
                        f"the station did not start within {patience_s:g} s: {'; '.join(troubles)}",
                        hint=self._see_log(),
                    )
                return
            if phase is Phase.STARTING and self._ended.is_set():
                raise KeyboardInterrupt
            self._show(phase, done, patience_s)
            pause.wait(_FRAME_S)

    def _show(self, phase: Phase, done: float, total: float) -> None:
        if phase is Phase.RENDERING and self._ended.is_set():
            raise KeyboardInterrupt
        announced = self._feed.announced()
        captures = self._station.captures if self._station else []
        view = View(
            phase,
            done,
            total,
            announced,
            self._paths.state,
            self._status,
            replace(captures[0].state) if captures else None,
            self._waiting(),
            self._heard.count,
            self._heard.last,
        )
        shows_defect = (
            bool(announced.recent) and announced.recent[0].inspection.verdict is Verdict.FAIL
        )
        if self._scene is None or (phase is Phase.RUNNING and (shows_defect or done < total / 2)):
            self._scene = view
        self._display.show(view)

    def _connect(self, settings: CameraSettings) -> Camera:
        self._meter = MeteredCamera(camera.connect(settings))
        return self._meter

    def _hear(self, status: Status) -> None:
        self._status = status

    def _see_log(self) -> str:
        return f"see {place.log_file(self._paths.root)}"

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """The station's log goes to a file, its warnings are counted; the screen is the
        display's.
        """
        before = LOG.handlers[:], LOG.propagate, LOG.level
        file = logging.FileHandler(place.log_file(self._paths.root), encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        LOG.handlers[:], LOG.propagate = [file, self._heard], False
        LOG.setLevel(logging.INFO)
        try:
            yield
        finally:
            LOG.handlers[:], LOG.propagate = before[0], before[1]
            LOG.setLevel(before[2])
            file.close()


class _Warnings(logging.Handler):
    """Counts what the log warns of; the lines about single parts are no warnings about the
    station.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """One more, unless it is a verdict."""
        if not hasattr(record, "QC_VERDICT"):
            self.count += 1
            self.last = record.getMessage()


def _kept(work: Callable[[], None], faults: list[BaseException]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 (the main thread raises it)
            faults.append(fault)

    return run


@contextmanager
def _interrupts(ended: threading.Event) -> Iterator[None]:
    """The first SIGINT or SIGTERM sets `ended`; the next one is as it was before."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()
        restore()

    for number in signals:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
