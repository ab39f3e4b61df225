"""Pictures inside a page: small copies as data URIs, so that the page needs no file beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """A JPEG as a data URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def embed(pixels: npt.NDArray[np.uint8], side_max: int, side_min: int = 0) -> EmbeddedPicture:
    """A copy of `pixels` (H x W, or H x W x 3 in OpenCV's order blue, green, red).

    Its longer side is at most `side_max` pixels; one whose longer side is below `side_min` is
    doubled.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, side_max / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if max(height, width) < side_min:
        size = (2 * width, 2 * height)
    # INTER_AREA for smaller ones: the others leave pixels out, and a scratch may be one pixel wide.
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=method)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    return EmbeddedPicture(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", *size)
