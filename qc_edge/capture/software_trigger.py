"""The station's own triggers of one camera: when the next is due, and which has no answer yet."""

from __future__ import annotations

import threading
import time

from qc_edge.camera import Camera
from qc_edge.settings import CameraSettings

_ANSWER_S = 2.0
"""Not shorter than any `grab_timeout_s` (at most 2 s): one grab must have had its time."""

_MOST_WAIT_S = 0.5
"""One wait for the next trigger, so that the capture thread goes on beating."""

_CATCH_UP_S = 1.0
"""A delay up to this is made up for; of a longer one the missed triggers are left out."""


class SoftwareTrigger:
    """Fires at most one trigger at a time; used by the capture thread.

    Each trigger that was fired is answered by a frame or counts as a loss, so that the count
    closes: a second one is not fired before that.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._rate_hz = settings.rate_hz
        self._idle_wait_s = settings.grab_timeout_s
        self._fired_at: float | None = None
        self._due = 0.0

    @property
    def is_unanswered(self) -> bool:
        """True while a trigger was fired and neither a frame nor a loss has come of it."""
        return self._fired_at is not None

    @property
    def fired_ns(self) -> int | None:
        """CLOCK_MONOTONIC when the unanswered trigger was fired; None if there is none."""
        return None if self._fired_at is None else round(self._fired_at * 1e9)

    @property
    def is_overdue(self) -> bool:
        """True if the unanswered trigger was fired longer ago than any camera needs."""
        return self._fired_at is not None and time.monotonic() - self._fired_at > _ANSWER_S

    def start(self) -> None:
        """The camera was opened: the first trigger is due now."""
        self._fired_at, self._due = None, time.monotonic()

    def answered(self) -> None:
        """The trigger has become a frame or a loss."""
        self._fired_at = None

    def fire_if_due(self, camera: Camera, stop: threading.Event) -> bool:
        """Fire if a trigger is due, else wait a little; True if one was fired.

        Raises CameraLostError if the camera is gone.
        """
        if self._rate_hz is None:
            stop.wait(self._idle_wait_s)
            return False
        now = time.monotonic()
        if now < self._due:
            stop.wait(min(self._due - now, _MOST_WAIT_S))
            return False
        self._due = max(self._due + 1 / self._rate_hz, now - _CATCH_UP_S)
        # Before it is fired, not after: the camera may have exposed by the time that it returns.
        fired_at = time.monotonic()
        camera.trigger()
        self._fired_at = fired_at
        return True


NO_ANSWER = f"no frame within {_ANSWER_S:g} s of a software trigger"
