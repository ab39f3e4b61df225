"""Other settings for a camera that runs: asked for by any thread, made by its capture thread."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future

from qc_edge.camera import Camera, CameraInfo
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings


class Adjustments:
    """Those that wait for the moment between two frames."""

    def __init__(self) -> None:
        # A deque needs no lock for append and popleft, and each future is set by one thread.
        self._waiting: deque[tuple[CameraSettings, Future[int]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def submit(self, settings: CameraSettings) -> Future[int]:
        """Have the camera adjusted; the future gives CLOCK_MONOTONIC (ns) from which on it exposes
        by these settings, or raises CameraError.
        """
        done: Future[int] = Future()
        self._waiting.append((settings, done))
        return done

    def make(self, camera: Camera) -> CameraInfo | None:
        """Adjust the camera to the next of them; what it is then, None if it refused.

        Raises CameraLostError if it is gone.
        """
        settings, done = self._waiting.popleft()
        try:
            info = camera.adjust(settings)
        except CameraError as fault:
            done.set_exception(fault)
            if isinstance(fault, CameraLostError):
                raise
            return None
        done.set_result(time.monotonic_ns())
        return info

    def refuse(self, why: str) -> None:
        """The camera is gone: nothing that waits can be made."""
        while self._waiting:
            settings, done = self._waiting.popleft()
            done.set_exception(
                CameraError(f"camera {settings.name} cannot be set: {why}", hint="qc-edge status")
            )
