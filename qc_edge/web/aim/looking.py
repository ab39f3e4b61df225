"""The part of a frame that a person looks at, and the picture of it for a browser."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.vision.image import Gray

_SIDE = 1280
"""Pixels of a picture's longer side at most: that of the screen at the line."""

_QUALITY = 88
_WHITE, _BLACK = (30, 30, 230), (230, 120, 20)
"""Over pixels that are saturated, and those that are black (blue, green, red)."""

ZOOMS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Look:
    """`zoom` times enlarged round a point: `x`, `y` in shares of the frame's width and height."""

    zoom: int = 1
    x: float = 0.5
    y: float = 0.5

    def area(self, width: int, height: int) -> tuple[int, int, int, int]:
        """What is seen of a frame of that size: x, y, width, height (pixels), within the frame."""
        across, along = max(1, width // self.zoom), max(1, height // self.zoom)
        left = min(max(0, round(self.x * width) - across // 2), width - across)
        top = min(max(0, round(self.y * height) - along // 2), height - along)
        return left, top, across, along

    def of(self, gray: Gray) -> Gray:
        """The pixels that are seen, as a view."""
        left, top, across, along = self.area(gray.shape[1], gray.shape[0])
        return gray[top : top + along, left : left + across]


def jpeg(gray: Gray, *, marks_clipped: bool) -> bytes:
    """The pixels (H x W) as a JPEG, made smaller where they are too many for a screen.

    `marks_clipped`: where a pixel of what becomes one dot is 255 the dot is red, where one is 0 it
    is blue.
    """
    scale = min(1.0, _SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    shown: npt.NDArray[np.uint8] = np.asarray(
        cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8
    )
    if marks_clipped:
        shown = np.asarray(cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR), np.uint8)
        for value, colour in ((0, _BLACK), (255, _WHITE)):
            # The largest frame has 164 pixels to a dot: one of them at 255 still rounds to 2.
            clipped = cv2.inRange(gray, value, value)
            dots = cv2.resize(clipped, size, interpolation=cv2.INTER_AREA) > 0
            # And its neighbours: a single dot is too small to be seen from an arm's length.
            shown[cv2.dilate(dots.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = colour
    # Colour at full resolution: halved, as JPEG does by itself, a thin mark loses its colour.
    quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    written, data = cv2.imencode(".jpg", shown, [*quality, *sampling])
    if not written:
        raise ValueError("OpenCV cannot write JPEG")
    return bytes(data.tobytes())
