"""The pictures of a report: small copies to look at, made from the evidence, which is only read."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.calibration import Calibration
from qc_edge.plot.embedded import embed
from qc_edge.report.part_report import ExaminedInspection
from qc_edge.vision.image import Gray, Image

_SIDE_MAX = 1100
"""Pixels of a copy's longer side at most: it fills half a printed page at 150 dots an inch."""

_SIDE_MIN = 400
"""A picture whose longer side is less is doubled."""

_HEAT_MAX = 0.5
"""How much of the frame the strongest heat covers: the part must still be seen under it."""

_CLOSER = 4
"""The closer look shows this part of the frame's width and height."""

_OUTLINE_COLOUR = (40, 30, 215)
_REGION_COLOUR = (235, 190, 60)

Colour = npt.NDArray[np.uint8]
"""H x W x 3, uint8, in OpenCV's order: blue, green, red."""

Roi = tuple[int, int, int, int]
"""x, y, width and height in pixels of the frame."""


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """A copy as a data URI, its size in pixels, and what there is to see."""

    uri: str
    width: int
    height: int
    title: str
    caption: str


def report_pictures(inspection: ExaminedInspection) -> list[ReportPicture]:
    """The frame, the heat over it, a closer look and the prepared input, as far as they exist."""
    row, shown = inspection.row, []
    roi = _roi(inspection.calibration)
    if inspection.raw.image is not None:
        size = (
            f"{row.width} x {row.height} pixels, {row.bit_depth} bits, "
            f"{row.pixel_format or 'as delivered'}"
        )
        region = " The outlined region is inspected." if roi else ""
        shown.append(_picture(_frame(inspection.raw.image, roi), "The frame", f"{size}.{region}"))
    levels, origin = _defect_levels(inspection)
    if inspection.gray is not None and levels is not None:
        location = DefectLocation(inspection.gray, levels, roi, row.threshold)
        caption = (
            f"The defect map over the frame{origin}: the redder, the surer; outlined where it "
            "reaches the threshold."
        )
        shown.append(_picture(location.heat(), "Where the model looks", caption))
        caption = "The frame where the map is strongest, without the heat, with the same outline."
        shown.append(_picture(location.close(), "A closer look", caption))
    if inspection.prepared.image is not None:
        image = inspection.prepared.image
        rule = row.preprocess_id.partition("@")[0]
        caption = f"{image.width} x {image.height} pixels, prepared by {rule}."
        shown.append(_picture(_frame(image, None), "What the model saw", caption))
    return shown


def _defect_levels(inspection: ExaminedInspection) -> tuple[Gray | None, str]:
    """The defect map (h x w, uint8), and what the caption has to say of where it is from."""
    if inspection.defect_map.image is not None:
        return inspection.defect_map.image.gray, ""
    if inspection.recomputed is None or inspection.recomputed.levels is None:
        return None, ""
    return inspection.recomputed.levels, " (recomputed, not stored)"


class DefectLocation:
    """Where a defect sits: the map (h x w, uint8, 255 = surely defective) over the frame (H x W,
    uint8).

    The map covers `roi` of the frame, all of it without one. Where it reaches `threshold` (0..1) it
    is outlined.
    """

    def __init__(self, gray: Gray, levels: Gray, roi: Roi | None, threshold: float) -> None:
        self._gray = gray
        self._x, self._y, width, height = roi or (0, 0, gray.shape[1], gray.shape[0])
        region = gray[self._y : self._y + height, self._x : self._x + width]
        self._height, self._width = region.shape
        size = (self._width, self._height)
        wide = np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_CUBIC), np.float32) / 255
        self._share = np.clip(wide, 0.0, 1.0)  # the cubic overshoots beside steep edges
        reached = (self._share >= threshold).astype(np.uint8)
        self._lines, _ = cv2.findContours(reached, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)

    def heat(self) -> Colour:
        """The whole frame with the heat over it."""
        frame = _bgr(self._gray)
        region = self._region(frame)
        share = self._share[..., None]
        # From amber to red: green goes as the heat rises.
        colour = np.concatenate([0 * share, 180 * (1 - share), 200 + 55 * share], axis=2)
        mixed = region * (1 - _HEAT_MAX * share) + colour * (_HEAT_MAX * share)
        region[:] = np.rint(mixed).astype(np.uint8)
        return self._outlined(frame)

    def close(self) -> Colour:
        """A quarter of the frame's width and height around the strongest place."""
        frame = self._outlined(_bgr(self._gray))
        # Blurred first: one hot pixel must not draw the look away from a large defect.
        peak = cv2.minMaxLoc(cv2.blur(self._share, (9, 9)))[3]
        height, width = self._gray.shape
        across, along = max(1, width // _CLOSER), max(1, height // _CLOSER)
        left = min(max(0, self._x + peak[0] - across // 2), width - across)
        top = min(max(0, self._y + peak[1] - along // 2), height - along)
        closer: Colour = frame[top : top + along, left : left + across].copy()
        return closer

    def _region(self, frame: Colour) -> Colour:
        return frame[self._y : self._y + self._height, self._x : self._x + self._width]

    def _outlined(self, frame: Colour) -> Colour:
        line = max(1, max(frame.shape) // 640)
        cv2.drawContours(self._region(frame), self._lines, -1, _OUTLINE_COLOUR, line)
        return frame


def _frame(image: Image, roi: Roi | None) -> Colour:
    """The frame in 8 bits and colour, with the inspected region outlined."""
    if image.pixels.ndim == 3:
        # The upper 8 bits are enough for a picture to look at.
        above = image.bit_depth - 8 if image.pixels.dtype != np.uint8 else 0
        colour: Colour = (image.pixels[..., ::-1] >> above).astype(np.uint8)
    else:
        colour = _bgr(image.gray)
    if roi is not None:
        x, y, width, height = roi
        line = max(2, max(colour.shape) // 400)
        cv2.rectangle(colour, (x, y), (x + width - 1, y + height - 1), _REGION_COLOUR, line)
    return colour


def _bgr(gray: Gray) -> Colour:
    return cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _roi(calibration: Calibration | None) -> Roi | None:
    return calibration.roi if calibration else None


def _picture(pixels: Colour, title: str, caption: str) -> ReportPicture:
    copy = embed(pixels, _SIDE_MAX, _SIDE_MIN)
    return ReportPicture(copy.uri, copy.width, copy.height, title, caption)
