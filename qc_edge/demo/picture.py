"""A frame as coloured text, two pixels in each character, with the model's defect map in red."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style
from rich.text import Text

from qc_edge.domain.inspection import Inspection

_LEVELS = 16
"""Greys: fewer of them let neighbouring characters share a style, which is less to send."""

_DEFECT_FROM = 0.5
"""Of the map's range, 0 to 1: from here on a pixel is drawn red."""


def picture(inspection: Inspection, state: Path, columns: int, lines: int) -> Text:
    """The frame in `columns` x `lines` characters, from the evidence under `state`.

    Says so in words if the evidence does not read.
    """
    frame = state / inspection.raw_path if inspection.raw_path else None
    defect_map = state / inspection.map_path if inspection.map_path else None
    # A copy: a Text can be changed, and the cache keeps this one.
    return _text(frame, defect_map, columns, lines).copy()


@lru_cache(maxsize=2)
def _text(frame: Path | None, defect_map: Path | None, columns: int, lines: int) -> Text:
    pixels = _pixels(frame, defect_map, columns, 2 * lines) if frame else None
    if pixels is None:
        return Text("no picture", "dim")
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", _style(tuple(map(int, above)), tuple(map(int, below))))
        text.append("\n")
    text.right_crop(1)
    return text


def _pixels(
    frame: Path, defect_map: Path | None, width: int, height: int
) -> npt.NDArray[np.uint8] | None:
    """The frame and its map as uint8, height x width x 3, RGB; None if the frame does not read."""
    gray = cv2.imread(str(frame), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return None
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    step = 256 // _LEVELS
    rgb = np.repeat((small // step * step)[:, :, None], 3, axis=2).astype(np.uint8)
    heat = cv2.imread(str(defect_map), cv2.IMREAD_GRAYSCALE) if defect_map else None
    if heat is not None:
        # The largest value under each character, so that a small defect does not average away.
        coarse = cv2.resize(
            cv2.dilate(heat, np.ones((3, 3), np.uint8)),
            (width, height),
            interpolation=cv2.INTER_LINEAR,
        )
        rgb[coarse >= _DEFECT_FROM * 255] = (224, 32, 32)
    return rgb


@lru_cache(maxsize=4096)
def _style(above: tuple[int, int, int], below: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
