"""What a person aims by: each gate figure of a frame beside its bounds, and the histogram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.vision.image import Gray
from qc_edge.vision.prepare import crop

BINS = 64


@dataclass(frozen=True, slots=True)
class AimFigure:
    """A figure of a frame and what it must keep; a bound that there is not is None."""

    name: str
    value: float
    low: float | None
    high: float | None

    @property
    def is_within(self) -> bool:
        """True if the gate lets it pass."""
        return (self.low is None or self.value >= self.low) and (
            self.high is None or self.value <= self.high
        )


def aim_figures(row: Inspection, calibration: Calibration) -> list[AimFigure]:
    """Those that the frame was judged by, in the order in which a camera is set up; none of a frame
    that did not read.
    """
    return list(_figures(row, calibration))


def histogram(gray: Gray, calibration: Calibration) -> list[int]:
    """How many pixels of the region have which gray value, in `BINS` steps from dark to bright."""
    region = np.ascontiguousarray(crop(gray, calibration.roi))
    counts = cv2.calcHist([region], [0], None, [BINS], [0, 256])
    return [int(count) for count in counts.ravel()]


def _figures(row: Inspection, calibration: Calibration) -> Iterator[AimFigure]:
    bounds = calibration.bounds
    for name, value, low, high in (
        ("focus", row.focus, bounds.focus_min, None),
        ("brightness", row.brightness, bounds.brightness_min, bounds.brightness_max),
        ("contrast", row.contrast, bounds.contrast_min, None),
        ("saturated", row.saturated_share, None, bounds.saturated_share_max),
        ("black", row.black_share, None, bounds.black_share_max),
        ("place", row.framing_score, bounds.framing_score_min, None),
        ("shift", row.framing_shift_px, None, bounds.framing_shift_max),
    ):
        if value is not None:
            yield AimFigure(name, value, low, high)
