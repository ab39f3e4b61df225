"""The output lines of a camera that this process has open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from qc_edge.camera.output_lines import OutputLines
from qc_edge.errors import CameraError, OutputError
from qc_edge.output.links.digital.link import DigitalLink
from qc_edge.output.links.digital.pulses import pulses_of
from qc_edge.output.links.digital.wiring import Wiring
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.outputs.camera_lines import CameraLineSettings


class HasLines(Protocol):
    """What has the camera: `qc_edge.capture.capture.Capture` fulfils it."""

    @property
    def name(self) -> str:
        """The camera's."""

    @property
    def lines(self) -> OutputLines | None:
        """None: a camera without any."""

    @property
    def is_tried(self) -> bool:
        """It was opened, or it is known why it cannot be."""


Cameras = Callable[[], "list[HasLines]"]
"""Those that this process has by now."""

Run = Callable[[Heartbeat, threading.Event], None]
_LOOK_S = 0.05


class CameraPins:
    """Fulfils `qc_edge.output.links.digital.link.Pins`."""

    def __init__(self, settings: CameraLineSettings, cameras: Cameras) -> None:
        self._settings, self._cameras = settings, cameras
        given = settings
        self._wiring = Wiring(given.accept, given.reject, given.hold, given.ready)
        self._lines: OutputLines | None = None

    def open(self) -> None:
        """Take them, all inactive; a camera that is away is tried again."""
        given = self._settings
        found = next((each for each in self._cameras() if each.name == given.camera), None)
        if found is None or found.lines is None:
            raise OutputError(
                f"camera {given.camera} is not there yet",
                hint="its lines are tried with the station running: qc-edge line watch",
            )
        self._wiring.clear()
        try:
            found.lines.take(self._wiring.lines, inverted=given.active_low)
        except CameraError as fault:
            raise OutputError(fault.message, hint=fault.hint) from fault
        self._lines = found.lines

    def set(self, name: str, *, is_active: bool) -> None:
        """By the camera's user output."""
        level = self._wiring.level(name, is_active=is_active)
        if level is None or self._lines is None:
            return
        line, is_up = level
        try:
            self._lines.put(line, is_active=is_up)
        except CameraError as fault:
            raise OutputError(fault.message) from fault

    def check(self) -> None:
        """A camera that was opened anew has forgotten them, and `ready` would stay away."""
        try:
            if self._lines is not None:
                self._lines.check()
        except CameraError as fault:
            raise OutputError(fault.message) from fault

    def close(self) -> None:
        """Inactive, whatever the camera does afterwards."""
        lines, self._lines = self._lines, None
        self._wiring.clear()
        if lines is None:
            return
        with suppress(CameraError):  # it was closed, and has set them itself
            for line in self._wiring.lines:
                lines.put(line, is_active=False)


def run_with_camera(
    name: str, cameras: Cameras, run: Run, heartbeat: Heartbeat, stop: threading.Event
) -> None:
    """`run`, once the camera of that name was tried: a station opens its cameras after its outputs,
    and at each start the lines would be lost and come back.
    """
    while not any(each.name == name and each.is_tried for each in cameras()):
        heartbeat.beat()
        if stop.wait(_LOOK_S):
            break
    run(heartbeat, stop)


def _none() -> list[HasLines]:
    return []


def make_link(settings: CameraLineSettings, cameras: Cameras = _none) -> DigitalLink:
    """The lines of these settings, of one of the `cameras` that are open."""
    return DigitalLink(CameraPins(settings, cameras), settings.place, pulses_of(settings))
