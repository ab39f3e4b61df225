"""A camera that plays image files at a rate: the twin for machines without pylon.

It never loses a frame: a consumer that is too slow makes it wait. Never writes, never watches the
directory: what is there at `open` is what is played.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab, Pixels
from qc_edge.camera.image_files import FOLDER, played_files
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings, Trigger
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import decode

_MAX_PIXELS = 268_000_000
_CATCH_UP_NS = 200_000_000
"""A delay up to this is made up for; after a longer one the pace is taken up from there."""


def connect(settings: CameraSettings) -> Camera:
    """The folder camera of `settings`, not opened yet."""
    return FolderCamera(settings)


class FolderCamera:
    """A camera that plays `images` in name order, used by one capture thread.

    Its pace is `rate_hz`; with software trigger it shows one image for each `trigger`.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self._files: list[Path] | None = None
        self._number = 0
        self._triggers = 0
        self._due_ns = 0
        self._closed = threading.Event()
        self._ended = False

    @property
    def counts_frames(self) -> bool:
        """True: every file has its number, and none is ever skipped."""
        return True

    def open(self) -> CameraInfo:
        """List the files and start with the first.

        Raises CameraError if there is nothing to play, CameraLostError if a camera that does not
        repeat has shown all of them.
        """
        self.close()
        settings = self._settings
        if settings.images is None:
            raise CameraError(
                f"camera {settings.name} has no `images`", hint="set it to a directory of images"
            )
        if settings.trigger is Trigger.HARDWARE:
            raise CameraError(
                f"camera {settings.name} plays files and has no trigger input",
                hint='set trigger to "free" or "software"',
            )
        if self._ended:
            raise self._lost()
        files = played_files(settings.images, FOLDER)
        first = next(
            (frame for file in files if isinstance(frame := self._load(file), tuple)), None
        )
        if first is None:
            raise CameraError(
                f"camera {settings.name}: none of {len(files)} images in {settings.images} can be "
                f"played: {self._load(files[0])}",
                hint="look at them with any image viewer",
            )
        pixels, pixel_format = first
        self._files, self._number, self._triggers = files, 0, 0
        self._due_ns = time.monotonic_ns()
        self._closed.clear()
        self._info = CameraInfo(
            model="folder",
            serial=settings.serial or settings.name,
            width=pixels.shape[1],
            height=pixels.shape[0],
            pixel_format=pixel_format,
            detail=f"plays {len(files)} images of {settings.images}, trigger {settings.trigger}",
        )
        return self._info

    def trigger(self) -> None:
        """Show one more image.

        Raises CameraLostError after the last one of a camera that does not repeat.
        """
        if self._last_shown(self._triggers):
            raise self._lost()
        self._triggers += 1

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next image; a FailedGrab for a file that cannot be read; None if none is due in time.

        Raises CameraLostError after the last image of a camera that does not repeat.
        """
        files = self._opened_files()
        if self._settings.trigger is Trigger.SOFTWARE:
            if self._number >= self._triggers:
                self._closed.wait(timeout_s)
                return None
        else:
            if self._last_shown(self._number):
                raise self._lost()
            if not self._due_within(timeout_s):
                return None
        number = self._number
        self._number += 1
        frame = self._load(files[number % len(files)])
        if isinstance(frame, str):
            return FailedGrab(frame, number)
        pixels, pixel_format = frame
        return Exposure(
            pixels=pixels,
            pixel_format=pixel_format,
            frame_number=number,
            timestamp=None,
            monotonic_ns=time.monotonic_ns(),
            exposure_us=self._settings.exposure_us,
            gain_db=self._settings.gain_db,
        )

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Play by these from now on. Raises CameraError if the region does not fit the images."""
        before, files = self._settings, self._opened_files()
        self._settings = settings
        loaded = self._load(files[0])
        if isinstance(loaded, str):
            self._settings = before
            raise CameraError(f"camera {settings.name}: {loaded}", hint="mend the recipe")
        self._info = replace(self._info, width=loaded[0].shape[1], height=loaded[0].shape[0])
        return self._info

    def close(self) -> None:
        """Stop playing. Never raises; may be called twice."""
        self._files = None
        self._closed.set()

    def _opened_files(self) -> list[Path]:
        if self._files is None:
            raise CameraError(f"camera {self._settings.name} is not open", hint="open it first")
        return self._files

    def _last_shown(self, number: int) -> bool:
        return not self._settings.repeat and number >= len(self._opened_files())

    def _due_within(self, timeout_s: float) -> bool:
        """Wait for the next frame's moment; False if it is not within `timeout_s`.

        Each moment is counted from the one before, not from now, so the rate holds.
        """
        now = time.monotonic_ns()
        wait_ns = self._due_ns - now
        if wait_ns > timeout_s * 1e9:
            self._closed.wait(timeout_s)
            return False
        if wait_ns > 0:
            self._closed.wait(wait_ns / 1e9)
        period_ns = round(1e9 / (self._settings.rate_hz or 1000.0))
        is_late = wait_ns < -max(period_ns, _CATCH_UP_NS)
        self._due_ns = (now if is_late else self._due_ns) + period_ns
        return True

    def _load(self, file: Path) -> tuple[Pixels, str] | str:
        """Pixels and pixel format of `file`, or why it cannot be played."""
        try:
            image = decode(file.read_bytes(), max_pixels=_MAX_PIXELS)
        except UnreadableFrameError as fault:
            return f"{file.name}: {fault}"
        except OSError as fault:
            return f"{file.name}: {fault.strerror or fault}"
        file_format = _format_of(image.pixels, image.bit_depth)
        pixel_format = (self._settings.pixel_format or file_format).replace("BGR", "RGB")
        if _memory_layout(pixel_format) != _memory_layout(file_format):
            return f"{file.name}: is {file_format}, cannot be played as {pixel_format}"
        pixels = image.pixels
        if self._settings.roi is not None:
            x, y, width, height = self._settings.roi
            pixels = pixels[y : y + height, x : x + width]
            if pixels.shape[:2] != (height, width):
                return (
                    f"{file.name}: is {image.width} x {image.height} pixels, the roi does not fit"
                )
        # An exposure's pixels are the caller's own: never a view into the whole image.
        return (pixels if pixels.flags.owndata else pixels.copy()), pixel_format

    def _lost(self) -> CameraLostError:
        self._ended = True  # opening it again would play the same parts a second time
        return CameraLostError(
            f"camera {self._settings.name} has shown all its images",
            hint="set repeat = true to start again after the last",
        )


def _format_of(pixels: Pixels, bit_depth: int) -> str:
    if pixels.ndim == 3:
        return "RGB8" if pixels.dtype == np.uint8 else "RGB16"
    return f"Mono{next(bits for bits in (8, 10, 12, 16) if bit_depth <= bits)}"


def _memory_layout(pixel_format: str) -> tuple[bool, bool]:
    """Whether the format has three values a pixel, and whether they take two bytes."""
    return pixel_format.startswith("RGB"), not pixel_format.endswith("8")
