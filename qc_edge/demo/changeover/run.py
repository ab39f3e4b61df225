"""The course of the demo's changeover: parts of one product, the change, parts of the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qc_edge.camera import Camera
from qc_edge.capture.capture import Capture
from qc_edge.demo.announcements import Announcements
from qc_edge.demo.changeover.account import ChangeoverAccount, read_account
from qc_edge.demo.changeover.light_barrier import BarrierCamera, LightBarrier
from qc_edge.demo.changeover.station import BY, PARTS_EACH, PRODUCTS, STATION, WHY, make_station
from qc_edge.demo.demo_station import log_file
from qc_edge.demo.display import Display
from qc_edge.demo.station_log import WarningCounter
from qc_edge.demo.station_thread import StationThread
from qc_edge.demo.view import Phase, View
from qc_edge.errors import WorkerStuckError
from qc_edge.recipe.changeover.request import request_changeover, wait_for_changeover
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.status import Status

_PACE_S = 0.3
"""Between two parts; and never before the one before was told, however slow the machine is."""

_REDRAW_S = 0.05
_START_S = 60.0
_TOLD_S = 20.0
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class ChangeoverReport:
    """What came of it. `outcome` is that of the changeover between the two products, and `took_ms`
    the time from the wish to it.
    """

    paths: StationPaths
    account: ChangeoverAccount
    outcome: str
    took_ms: float

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words; nothing if the part of the demo has succeeded."""
        faults = list(self.account.faults)
        if self.outcome != "in force":
            faults.append(f"the changeover is not in force: {self.outcome or 'no answer'}")
        return faults


class ChangeoverRun:
    """One run under the absolute `root`. `run` is called once, by the main thread."""

    def __init__(
        self,
        root: Path,
        seed: int,
        display: Display,
        warnings: WarningCounter,
        interrupted: threading.Event,
    ) -> None:
        self._paths = StationPaths(root, STATION)
        self._seed = seed
        self._display = display
        self._warnings = warnings
        self._interrupted = interrupted
        self._barrier = LightBarrier()
        self._cameras: dict[str, BarrierCamera] = {}
        self._announcements = Announcements()
        self._status: Status | None = None
        self._phase = Phase.TWO_CAMERAS
        self._station: StationThread | None = None

    def run(self) -> ChangeoverReport:
        """Everything. Raises QcEdgeError if the station does not come up or fails on the way.

        Once interrupted, no further part passes.
        """
        truth = make_station(self._paths, self._seed)
        dependencies = Dependencies(connect_camera=self._connect, outputs=[self._announcements])
        station = self._station = StationThread(self._paths, dependencies, self._keep_status)
        station.start()
        outcome, took_ms = "", 0.0
        try:
            self._wait(self._is_ready, _START_S, "it is not ready")
            for product in PRODUCTS:
                outcome, took_ms = self._change_over(product.recipe)
                self._phase = Phase.TWO_CAMERAS
                for _ in range(PARTS_EACH):
                    if not self._interrupted.is_set():
                        self._pass_part()
            self._phase = Phase.DRAINING
            self._wait(self._is_empty, _TOLD_S, "its spool does not run empty")
        finally:
            self._phase = Phase.STOPPING
            station.stop()
            self._wait(lambda: not station.is_alive, _STOP_S, "it does not stop")
        station.raise_error()
        triggers = {name: camera.fired for name, camera in self._cameras.items()}
        account = read_account(self._paths, truth, triggers)
        return ChangeoverReport(self._paths, account, outcome, took_ms)

    def _change_over(self, recipe: str) -> tuple[str, float]:
        """The line wishes another product, and waits until the station has it in force."""
        self._phase = Phase.CHANGEOVER
        self._show()
        begun = time.monotonic()
        record = request_changeover(self._paths, recipe, BY, WHY)
        outcome = wait_for_changeover(self._paths, record, _TOLD_S)
        return outcome, (time.monotonic() - begun) * 1e3

    def _pass_part(self) -> None:
        """One part passes the light barrier; the next may once the line was told of this one."""
        begun, told = time.monotonic(), self._told
        self._barrier.let_pass()
        # The last of a product is not waited for: it may lie in the spool while the line changes.
        is_last = self._barrier.passed % PARTS_EACH == 0

        def may_pass() -> bool:
            is_answered = self._all_spooled if is_last else self._told > told
            return is_answered and time.monotonic() - begun >= _PACE_S

        self._wait(may_pass, _TOLD_S, "the line hears nothing of a part")

    @property
    def _told(self) -> int:
        return sum(self._announcements.snapshot().verdicts.values())

    @property
    def _captures(self) -> Sequence[Capture]:
        return self._station.captures if self._station else []

    @property
    def _all_spooled(self) -> bool:
        """True once every part that passed is a frame in the spool, or a loss, of each camera."""
        return all(each.state.triggers == self._barrier.passed for each in self._captures)

    def _is_ready(self) -> bool:
        is_open = self._captures and all(each.state.connected for each in self._captures)
        return bool(is_open) and self._status is not None and self._status.ready

    def _is_empty(self) -> bool:
        return self._all_spooled and not self._spool_depth()

    def _spool_depth(self) -> int:
        return sum(1 for _ in self._paths.frames.iterdir())

    def _wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Show the station until `condition` holds or it ends. Raises WorkerStuckError."""
        pause, end = threading.Event(), time.monotonic() + timeout_s
        while not condition() and self._station is not None and self._station.is_alive:
            if time.monotonic() > end:
                hint = f"see {log_file(self._paths.root)}"
                raise WorkerStuckError(f"{STATION}: {what}, after {timeout_s:g} s", hint)
            self._show()
            pause.wait(_REDRAW_S)

    def _show(self) -> None:
        view = View(
            self._phase,
            self._barrier.passed,
            PARTS_EACH * len(PRODUCTS),
            self._announcements.snapshot(),
            self._paths.state,
            status=self._status,
            camera=replace(self._captures[0].state) if self._captures else None,
            spool=self._spool_depth(),
            warnings=self._warnings.count,
            last_warning=self._warnings.last,
        )
        self._display.show(view)

    def _connect(self, settings: CameraSettings) -> Camera:
        self._cameras[settings.name] = BarrierCamera(settings, self._barrier)
        return self._cameras[settings.name]

    def _keep_status(self, status: Status) -> None:
        self._status = status
