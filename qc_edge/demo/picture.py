"""The last part's frame as text: two pixels in each character, the model's defect map laid over it
in red.
"""

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
_DEFECT_FROM = 0.5


def picture(inspection: Inspection, state: Path, columns: int, lines: int) -> Text:
    """The frame in `columns` x `lines` characters, from the evidence under `state`; empty if there
    is none.

    Colours are reduced to a few greys, so that neighbours share one.
    """
    raw, shown = inspection.raw_path, inspection.map_path
    return _text(
        state / raw if raw else None, state / shown if shown else None, columns, lines
    ).copy()


@lru_cache(maxsize=2)
def _text(raw: Path | None, shown: Path | None, columns: int, lines: int) -> Text:
    pixels = _pixels(raw, shown, columns, 2 * lines) if raw else None
    if pixels is None:
        return Text("no picture", "dim")
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", _style(tuple(map(int, above)), tuple(map(int, below))))
        text.append("\n")
    text.right_crop(1)
    return text


def _pixels(raw: Path, shown: Path | None, width: int, height: int) -> npt.NDArray[np.uint8] | None:
    """height x width x 3, RGB; None if the frame does not read."""
    gray = cv2.imread(str(raw), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        return None
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    step = 256 // _LEVELS
    rgb = np.repeat((small // step * step)[:, :, None], 3, axis=2).astype(np.uint8)
    heat = cv2.imread(str(shown), cv2.IMREAD_GRAYSCALE) if shown else None
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
