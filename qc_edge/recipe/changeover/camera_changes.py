"""What a changeover sets on the cameras: all of them, or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Protocol

from qc_edge.errors import CameraError, RecipeError
from qc_edge.recipe.changeover.overlay import forgotten
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import CameraSettings, Settings

_ANSWER_S = 5.0
"""One grab lasts up to 2 s, and another region stops the camera for less than one."""

_OPEN_S, _LOOK_S = 10.0, 0.05


class AdjustableCamera(Protocol):
    """The capture of one camera, as far as a changeover needs it."""

    @property
    def name(self) -> str:
        """The camera's."""

    @property
    def is_tried(self) -> bool:
        """True once it was opened, or it is known why it cannot be."""

    def adjust(self, settings: CameraSettings) -> Future[int]:
        """Have it expose by these; gives CLOCK_MONOTONIC (ns) from which on it does."""


class CameraChanges:
    """The cameras of this process; `cameras` gives them once they are captured.

    `captures` is False where another process has all cameras.
    """

    def __init__(
        self, cameras: Callable[[], Iterable[AdjustableCamera]], *, captures: bool
    ) -> None:
        self._cameras = cameras
        self._captures = captures

    def await_opened(
        self, before: Settings, after: Settings, heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """Wait for the cameras that are to be set: a station that has just started opens them
        later than it takes up what was asked for meanwhile.
        """
        names = {each.name for each in _changed(before, after)}
        end = time.monotonic() + _OPEN_S
        while self._captures and names and time.monotonic() < end:
            if names <= {camera.name for camera in self._cameras() if camera.is_tried}:
                return
            heartbeat.beat()
            if stop.wait(_LOOK_S):
                return

    def check(self, before: Settings, after: Settings) -> None:
        """Raise RecipeError where the new settings leave open what a camera is to stand at, or
        another process has the camera.
        """
        if left_open := list(forgotten(before, after)):
            raise RecipeError(
                f"the recipe in force sets {', '.join(left_open)}, and the new one does not say "
                "what is to be there",
                hint="say it in the recipe: qc-edge recipe edit --set view.VIEW.exposure_us=N, or "
                "in the settings",
            )
        here = {camera.name for camera in self._cameras()}
        if elsewhere := [each.name for each in _changed(before, after) if each.name not in here]:
            raise RecipeError(
                f"this process does not capture {', '.join(elsewhere)}: it cannot set how it "
                "exposes",
                hint="leave exposure_us, gain_db and sensor_roi out of the recipe, or let one "
                'process capture and inspect: station.roles = ["capture", "inspect"]',
            )

    def make(self, before: Settings, after: Settings) -> dict[str, int]:
        """Set what differs and read it back; from when on each camera is set (CLOCK_MONOTONIC, ns).

        Raises CameraError if one refuses: then all have their settings of before.
        """
        captures = {camera.name: camera for camera in self._cameras()}
        asked = {each.name: captures[each.name].adjust(each) for each in _changed(before, after)}
        wait(asked.values(), _ANSWER_S)
        faults = [fault for done in asked.values() if (fault := _fault(done)) is not None]
        if not faults:
            return {name: done.result() for name, done in asked.items()}
        was = {camera.name: camera for camera in before.camera}
        self._restore(captures, [was[name] for name in asked])
        raise CameraError(
            "a camera does not take what the recipe sets: "
            + "; ".join(fault.message for fault in faults),
            hint="mend the recipe; the cameras have their settings of before",
        )

    def undo(self, before: Settings, after: Settings) -> None:
        """Set what `make` has changed back to what was before."""
        was = {camera.name: camera for camera in before.camera}
        captures = {camera.name: camera for camera in self._cameras()}
        self._restore(captures, [was[each.name] for each in _changed(before, after)])

    def _restore(
        self, captures: dict[str, AdjustableCamera], settings: Iterable[CameraSettings]
    ) -> None:
        asked = [captures[each.name].adjust(each) for each in settings]
        wait(asked, _ANSWER_S)
        for done in asked:
            if (fault := _fault(done)) is not None:
                LOG.error("a camera was not set back: %s", fault.message)


def _changed(before: Settings, after: Settings) -> list[CameraSettings]:
    was = {camera.name: camera for camera in before.camera}
    return [camera for camera in after.camera if camera != was.get(camera.name)]


def _fault(done: Future[int]) -> CameraError | None:
    if not done.done():
        return CameraError("a camera did not answer in time", hint="qc-edge status")
    fault = done.exception()
    if fault is not None and not isinstance(fault, CameraError):
        raise fault
    return fault
