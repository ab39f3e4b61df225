"""What a person has drawn on a frame in the browser: boxes, and strokes of a brush as one mask."""

from __future__ import annotations

from typing import Annotated, Any

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.label import Box, Region
from qc_edge.errors import UsageError
from qc_edge.labels import MaskImage
from qc_edge.query.evidence import PIXELS_MAX

_REGIONS_MAX = 100
_POINTS_MAX = 4000
_Number = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
_Point = tuple[_Number, _Number]


class _Drawn(BaseModel):
    """A box (x, y, width, height), or a stroke: its radius and where it went; in pixels of the raw
    frame.
    """

    model_config = ConfigDict(extra="forbid")

    box: tuple[_Number, _Number, _Number, _Number] | None = None
    radius: float = Field(default=1, ge=0.5, le=500)
    stroke: list[_Point] = Field(default=[], max_length=_POINTS_MAX)


_DRAWN = TypeAdapter(Annotated[list[_Drawn], Field(max_length=_REGIONS_MAX)])


def drawn_regions(text: str, row: Inspection) -> tuple[Region | MaskImage, ...]:
    """The regions in a form's field, JSON, for a label of `row`. Raises UsageError."""
    if not text:
        return ()
    try:
        drawn = _DRAWN.validate_json(text)
    except ValidationError as fault:
        raise UsageError(f"these are no regions: {fault.errors()[0]['msg']}") from None
    boxes = tuple(Box(*each.box) for each in drawn if each.box)
    mask = _mask([each for each in drawn if each.stroke], row)
    return (*boxes, mask) if mask else boxes


def _mask(strokes: list[_Drawn], row: Inspection) -> MaskImage | None:
    """All strokes together, as round ends of a brush leave them; None if nothing is covered."""
    width, height = row.width or 0, row.height or 0
    if not strokes or not 0 < width * height <= PIXELS_MAX:
        return None
    mask = np.zeros((height, width), np.uint8)
    for stroke in strokes:
        points: Any = np.round(np.array(stroke.stroke)).astype(np.int32)
        # A line of one point has no length, and OpenCV draws nothing of it.
        cv2.circle(mask, points[0].tolist(), max(1, round(stroke.radius)), 255, -1)
        cv2.polylines(mask, [points], False, 255, max(1, round(2 * stroke.radius)))
    if not mask.any():
        return None
    return MaskImage(cv2.imencode(".png", mask)[1].tobytes())
