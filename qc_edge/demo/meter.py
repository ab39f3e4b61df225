"""A camera with a counter at its trigger: what was asked of it, to hold against what the log
has.
"""

from __future__ import annotations

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab


class MeteredCamera:
    """`camera`, and how often it was triggered. Written by the capture thread, read by anyone.

    `first_number` and `last_number` are the camera's own numbers of the frames that it delivered.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.device = ""
        self.fired = 0
        self.first_number: int | None = None
        self.last_number: int | None = None

    @property
    def counts_frames(self) -> bool:
        """As the camera has it."""
        return self._camera.counts_frames

    def open(self) -> CameraInfo:
        """As the camera does."""
        info = self._camera.open()
        self.device = (
            f"{info.model} {info.serial}, {info.width} x {info.height} {info.pixel_format}"
        )
        return info

    def trigger(self) -> None:
        """As the camera does; counted when it has taken the trigger."""
        self._camera.trigger()
        self.fired += 1

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """As the camera does."""
        got = self._camera.grab(timeout_s)
        if got is not None and got.frame_number is not None:
            self.last_number = got.frame_number
            if self.first_number is None:
                self.first_number = got.frame_number
        return got

    def close(self) -> None:
        """As the camera does."""
        self._camera.close()
