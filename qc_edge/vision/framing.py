"""Where the part lies: a thumbnail of the region correlated with the calibrated one.

The figure is Pearson's correlation, so neither light nor gain moves it. Never judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.calibration import FramingReference
from qc_edge.vision.area import shrink
from qc_edge.vision.image import Gray

SIDE = 64
"""Width and height of a thumbnail (pixels)."""

MARGIN = 8
"""How far the part is looked for in each direction (pixels of the thumbnail): 1/8 of the region."""

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartPosition:
    """Correlation at the best place (-1..1) and how far that is from home, in shares of the region.

    `right` and `down` are positive when the part has moved right and down: -0.125..0.125, in steps
    far finer than a pixel of the thumbnail.
    """

    score: float
    right: float
    down: float


def thumbnail(resized: Gray) -> Gray:
    """`SIDE` x `SIDE` gray picture of the region, by area."""
    return shrink(resized, SIDE, SIDE)


def reference(pixels: Gray) -> FramingReference:
    """The calibration's reference from a `SIDE` x `SIDE` picture."""
    return FramingReference(SIDE, SIDE, pixels.tobytes())


def locate(thumb: Gray, home: FramingReference) -> PartPosition:
    """Where the middle of the reference is in `thumb`, the thumbnail of a frame's region.

    The best place is searched by OpenCV's template matching; the figure there is computed again in
    integers, so that it is the same on every machine, and refined to fractions by the parabola
    through its neighbours. A region or reference of one single value scores 0.
    """
    part: Gray = np.frombuffer(home.pixels, np.uint8).reshape(home.height, home.width)
    part = part[MARGIN:-MARGIN, MARGIN:-MARGIN]
    # The middle of the reference, so that it lies within the thumbnail wherever it is sought.
    scores = cv2.matchTemplate(thumb, part, cv2.TM_CCOEFF_NORMED)
    x, y = cv2.minMaxLoc(scores)[3]
    template = part.astype(np.int64)
    wide = thumb.astype(np.int64)
    score = _correlation(wide, template, x, y)
    return PartPosition(
        score,
        (x - MARGIN + _fraction(wide, template, x, y, score, 1, 0)) / SIDE,
        (y - MARGIN + _fraction(wide, template, x, y, score, 0, 1)) / SIDE,
    )


def _correlation(wide: _Ints, template: _Ints, x: int, y: int) -> float:
    height, width = template.shape
    under = wide[y : y + height, x : x + width]
    count = template.size
    sum_a, sum_b = int(under.sum()), int(template.sum())
    spread_a = count * int((under * under).sum()) - sum_a * sum_a
    spread_b = count * int((template * template).sum()) - sum_b * sum_b
    if not (spread_a and spread_b):
        return 0.0
    return (count * int((under * template).sum()) - sum_a * sum_b) / math.sqrt(spread_a * spread_b)


def _fraction(
    wide: _Ints, template: _Ints, x: int, y: int, peak: float, step_x: int, step_y: int
) -> float:
    """Top of the parabola through the peak and its two neighbours, -0.5..0.5 of a pixel."""
    last = 2 * MARGIN
    # At the edge of the search there is no neighbour, and none is needed: the part is out of place.
    if not (step_x <= x <= last - step_x and step_y <= y <= last - step_y):
        return 0.0
    before = _correlation(wide, template, x - step_x, y - step_y)
    after = _correlation(wide, template, x + step_x, y + step_y)
    bend = before - 2 * peak + after
    return max(-0.5, min(0.5, (before - after) / (2 * bend))) if bend < 0 else 0.0
