"""Pictures for a browser: small or whole copies of evidence, which is only read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from enum import Enum

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.inspection import Inspection
from qc_edge.errors import CalibrationError
from qc_edge.query import evidence
from qc_edge.records.calibrations import load
from qc_edge.settings import StationPaths
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import Image

_CACHE_BYTES = 48 * 2**20
_AT_ONCE = 2
_SIDES = {"small": 320, "large": 1600, "whole": 8192}
_QUALITY = {"small": 80, "large": 90, "whole": 95}
_HEAT = 160
"""Of 255, how much the strongest heat covers."""

Pixels = npt.NDArray[np.uint8]


class PictureKind(str, Enum):
    """What there is to see of an inspection."""

    FRAME = "frame"
    PREPARED = "prepared"
    MAP = "map"

    __str__ = str.__str__


class Pictures:
    """Copies of one station's evidence, the newest kept in memory; from any thread."""

    def __init__(self, paths: StationPaths) -> None:
        self._paths = paths
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._copies: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._bytes = 0

    def get(self, row: Inspection, kind: PictureKind, size: str) -> bytes | None:
        """A JPEG (the map: a PNG to be laid over the frame); None if it is not there or does not
        read.
        """
        key = (row.frame_id, kind.value, size)
        with self._lock:
            if copy := self._copies.get(key):
                self._copies.move_to_end(key)
                return copy
        with self._turn:
            copy = self._made(row, kind, size)
        if copy is None:
            return None
        with self._lock:
            if key not in self._copies:
                self._copies[key] = copy
                self._bytes += len(copy)
            while self._bytes > _CACHE_BYTES:
                self._bytes -= len(self._copies.popitem(last=False)[1])
        return copy

    def _made(self, row: Inspection, kind: PictureKind, size: str) -> bytes | None:
        path = {
            PictureKind.FRAME: row.raw_path,
            PictureKind.PREPARED: row.prepared_path,
            PictureKind.MAP: row.map_path,
        }[kind]
        image = self._read(path)
        if image is None:
            return None
        if kind is PictureKind.MAP:
            return self._heat(row, image)
        pixels = _eight_bit(image)
        smaller = _reduced(pixels, _SIDES[size])
        return _encoded(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY[size]])

    def _read(self, relative: str | None) -> Image | None:
        if relative is None or (path := evidence.find(self._paths.state, relative)) is None:
            return None
        try:
            return evidence.read(path)
        except (OSError, UnreadableFrameError):
            return None

    def _heat(self, row: Inspection, image: Image) -> bytes:
        """The map in red, the surer the less transparent, where it lies on the frame."""
        width, height = row.width or image.gray.shape[1], row.height or image.gray.shape[0]
        x, y, across, along = self._region(row) or (0, 0, width, height)
        scale = min(1.0, _SIDES["large"] / max(width, height))
        size = (max(1, round(across * scale)), max(1, round(along * scale)))
        levels = cv2.resize(image.gray, size, interpolation=cv2.INTER_LINEAR)
        heat = np.zeros((max(1, round(height * scale)), max(1, round(width * scale)), 4), np.uint8)
        top, left = round(y * scale), round(x * scale)
        region = heat[top : top + size[1], left : left + size[0]]
        share = np.asarray(levels, np.uint16)[: region.shape[0], : region.shape[1]]
        region[..., 2] = 230
        region[..., 1] = (140 * (255 - share) // 255).astype(np.uint8)
        region[..., 3] = (share * _HEAT // 255).astype(np.uint8)
        return _encoded(".png", heat, [cv2.IMWRITE_PNG_COMPRESSION, 3])

    def _region(self, row: Inspection) -> tuple[int, int, int, int] | None:
        """The region of the frame that was inspected: x, y, width, height."""
        identity = row.calibration_id
        try:
            path = self._paths.calibration / identity.partition("Z-")[2]
            return load(path / f"{identity}.toml").roi
        except CalibrationError:
            return None


def _eight_bit(image: Image) -> Pixels:
    if image.pixels.ndim == 3:
        above = image.bit_depth - 8 if image.pixels.dtype != np.uint8 else 0
        return (image.pixels[..., ::-1] >> above).astype(np.uint8)
    return np.asarray(image.gray, np.uint8)


def _reduced(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encoded(suffix: str, pixels: Pixels, parameters: list[int]) -> bytes:
    written, data = cv2.imencode(suffix, pixels, parameters)
    if not written:
        raise ValueError(f"OpenCV cannot write {suffix}")
    return bytes(data.tobytes())
