"""A light barrier before the cameras: it fires all of them once for each part that passes."""

from __future__ import annotations

import threading

from qc_edge import camera
from qc_edge.camera import CameraInfo, Exposure, FailedGrab
from qc_edge.demo.counting_camera import CountingCamera
from qc_edge.settings import CameraSettings, Trigger


class LightBarrier:
    """Counts the parts that pass; each camera waits here for its next one. Safe from any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._passed = 0

    @property
    def passed(self) -> int:
        """So many parts have passed."""
        return self._passed

    def let_pass(self) -> None:
        """One part passes: every camera is to see it."""
        with self._condition:
            self._passed += 1
            self._condition.notify_all()

    def wait_for(self, part: int, timeout_s: float) -> bool:
        """True once so many parts have passed, False if they have not after `timeout_s`."""
        with self._condition:
            return self._condition.wait_for(lambda: self._passed >= part, timeout_s)


class BarrierCamera(CountingCamera):
    """An emulated camera whose hardware trigger is the light barrier.

    pylon's emulator has no input lines, so the barrier's signal becomes a software trigger here.
    """

    def __init__(self, settings: CameraSettings, barrier: LightBarrier) -> None:
        super().__init__(camera.connect(_triggered_here(settings)))
        self._barrier = barrier

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The frame of the next part that passes, None if none does within `timeout_s`."""
        if not self._barrier.wait_for(self.fired + 1, timeout_s):
            return None
        self.trigger()
        grabbed = super().grab(_ANSWER_S)
        return FailedGrab(f"no frame within {_ANSWER_S:g} s") if grabbed is None else grabbed

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Have the camera expose otherwise; the barrier still fires it."""
        return super().adjust(_triggered_here(settings))


_ANSWER_S = 5.0


def _triggered_here(settings: CameraSettings) -> CameraSettings:
    return settings.model_copy(update={"trigger": Trigger.SOFTWARE})
