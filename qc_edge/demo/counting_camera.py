"""A camera with a counter at its trigger: how many frames the log must account for."""

from __future__ import annotations

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.settings import CameraSettings


class CountingCamera:
    """Wraps a camera and counts its triggers; does everything else as the camera does.

    The demo counts here, outside the station, so that the station's own count is held against
    something that it could not get wrong in the same way. Used by the capture's thread; `fired` and
    `frame_numbers` may be read by any.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.device = ""
        self.fired = 0
        self._first_number: int | None = None
        self._last_number: int | None = None

    @property
    def frame_numbers(self) -> tuple[int, int] | None:
        """The camera's own numbers of the first and the last frame that it delivered."""
        if self._first_number is None or self._last_number is None:
            return None
        return self._first_number, self._last_number

    @property
    def counts_frames(self) -> bool:
        """Whether the camera numbers its frames."""
        return self._camera.counts_frames

    def open(self) -> CameraInfo:
        """Open the camera, and keep its description."""
        info = self._camera.open()
        self.device = (
            f"{info.model} {info.serial}, {info.width} x {info.height} {info.pixel_format}"
        )
        return info

    def trigger(self) -> None:
        """Fire the software trigger; counted once the camera has taken it."""
        self._camera.trigger()
        self.fired += 1

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next frame, a failed one, or None after `timeout_s`."""
        grabbed = self._camera.grab(timeout_s)
        if grabbed is not None and grabbed.frame_number is not None:
            self._last_number = grabbed.frame_number
            if self._first_number is None:
                self._first_number = grabbed.frame_number
        return grabbed

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Have the camera expose otherwise."""
        return self._camera.adjust(settings)

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()
