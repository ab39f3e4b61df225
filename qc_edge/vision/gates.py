"""The gates: whether a frame is fit to be judged, before the model sees it.

Every figure is an exact integer or one correctly rounded division of integers, so that it is the
same on every machine and a bound cuts the same frames everywhere. Never decides about the part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2

from qc_edge.domain.calibration import Calibration, FramingReference, GateBounds
from qc_edge.domain.verdict import Reason
from qc_edge.vision.framing import locate, thumbnail
from qc_edge.vision.image import Gray
from qc_edge.vision.prepare import crop

NO_LIGHT = 8.0
"""A mean gray value below it leaves nothing to look at: the frame is dark, whatever else it is."""

ALL_LIGHT = 247.0
"""The same at the bright end."""


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What was measured, in the units of `GateBounds`; framing is None without a reference."""

    focus: float
    brightness: float
    contrast: float
    saturated_share: float
    black_share: float
    framing_score: float | None = None
    framing_shift_px: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a frame is INVALID: the code, the figure, the bound it broke, and all that in words."""

    reason: Reason
    figure: float
    bound: float
    detail: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's outcome: its name, and the refusal if it refuses."""

    name: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class GateReport:
    """All figures, the refusal that counts (the first in the order of `findings`), and every
    gate's.
    """

    figures: GateFigures
    refusal: Refusal | None
    findings: tuple[GateResult, ...]


def focus(gray: Gray) -> float:
    """Variance of the 3x3 Laplacian (0 1 0, 1 -4 1, 0 1 0; mirrored border) in gray values squared.

    Equal to `cv2.Laplacian(gray, cv2.CV_64F).var()` but for numpy's rounding. The Laplacian of 8
    bits fits 16 bits, so both sums are integers that double precision holds.
    """
    # In 16 bits, not in doubles: the same figure in a third of the time (8.7 ms against 26 ms for 5
    # megapixels), and integers sum to the same on every machine, whatever the order.
    laplacian = cv2.Laplacian(gray, cv2.CV_16S)
    return _variance(gray.size, int(cv2.sumElems(laplacian)[0]), _sum_of_squares(laplacian))


def check_gates(gray: Gray, resized: Gray, bit_depth: int, calibration: Calibration) -> GateReport:
    """Measure every figure of a frame and compare it with the calibration's bounds.

    `gray` is the full frame (H x W uint8), `resized` the region of interest as `prepare.resize`
    gives it, `bit_depth` that of the pixels as delivered. All figures but size are of the region.
    """
    height, width = gray.shape
    figures = measure_figures(crop(gray, calibration.roi), thumbnail(resized), calibration.framing)
    return apply_bounds(figures, width, height, bit_depth, calibration)


def measure_figures(region: Gray, thumb: Gray, home: FramingReference | None) -> GateFigures:
    """The figures of a frame's region (H x W uint8) and of its thumbnail against the reference."""
    total = int(cv2.sumElems(region)[0])
    score = shift = None
    if home is not None:
        place = locate(thumb, home)
        height, width = region.shape
        score, shift = place.score, math.hypot(place.right * width, place.down * height)
    return GateFigures(
        focus=focus(region),
        brightness=total / region.size,
        contrast=math.sqrt(_variance(region.size, total, _sum_of_squares(region))),
        saturated_share=cv2.countNonZero(cv2.inRange(region, 255, 255)) / region.size,
        black_share=(region.size - cv2.countNonZero(region)) / region.size,
        framing_score=score,
        framing_shift_px=shift,
    )


def apply_bounds(
    figures: GateFigures, width: int, height: int, bit_depth: int, calibration: Calibration
) -> GateReport:
    """The report on a frame of `width` x `height` pixels with these figures: no pixels needed.

    The gates stand in a fixed order that names the true cause. A frame of another size or depth is
    another picture. One without light has no part to find; a clipped one has a wrong outline. Else
    a part out of place moves the brightness, while brightness does not move the framing figures:
    framing comes first. All of these lower the focus: focus is last.
    """
    findings = (
        GateResult("size", _size(width, height, calibration)),
        GateResult("bit_depth", _bit_depth(bit_depth, calibration)),
        *_figure_gates(figures, calibration.bounds),
    )
    refusal = next((finding.refusal for finding in findings if finding.refusal), None)
    return GateReport(figures, refusal, findings)


def _sum_of_squares(values: cv2.typing.MatLike) -> int:
    """The sum of squares, exact below 2 ** 50, which 2 ** 28 pixels of either kind do not reach.

    Rounded, since Intel's IPP, where OpenCV uses it, returns the square of a square root: off by
    less than 1/2 there.
    """
    return round(cv2.norm(values, cv2.NORM_L2SQR))


def _variance(count: int, total: int, squares: int) -> float:
    # In Python's integers, which do not overflow; one division, which is correctly rounded.
    return (count * squares - total * total) / (count * count)


def _size(width: int, height: int, calibration: Calibration) -> Refusal | None:
    if not calibration.fits_size(width, height):
        return Refusal(
            Reason.WRONG_SIZE,
            float(width * height),
            float(_nearest_size(width, height, calibration)),
            f"{width} x {height} pixels, calibrated for {calibration.size_words}",
        )
    if calibration.roi is not None:
        x, y, across, along = calibration.roi
        if x + across > width or y + along > height:
            return Refusal(
                Reason.WRONG_SIZE,
                float(width * height),
                float((x + across) * (y + along)),
                f"{width} x {height} pixels do not hold the calibrated region {across} x {along} "
                f"at {x}, {y}",
            )
    return None


def _nearest_size(width: int, height: int, calibration: Calibration) -> int:
    """The pixels of the fitting size that is next to this one."""
    if calibration.sizes is None:
        return (calibration.width or width) * (calibration.height or height)
    least_width, least_height, most_width, most_height = calibration.sizes
    return min(max(width, least_width), most_width) * min(max(height, least_height), most_height)


def _bit_depth(bit_depth: int, calibration: Calibration) -> Refusal | None:
    if calibration.bit_depth in {None, bit_depth}:
        return None
    need = calibration.bit_depth or bit_depth
    return Refusal(
        Reason.WRONG_BIT_DEPTH,
        float(bit_depth),
        float(need),
        f"{bit_depth} bits a pixel, calibrated for {need}",
    )


def _figure_gates(figures: GateFigures, bounds: GateBounds) -> tuple[GateResult, ...]:
    mean, low, high = figures.brightness, bounds.brightness_min, bounds.brightness_max
    # Saturated everywhere is too bright; in a bright spot it is a reflex, another fault to mend.
    white = Reason.TOO_BRIGHT if mean > high else Reason.SATURATED
    score, shift = figures.framing_score, figures.framing_shift_px
    gates = {
        "light": _below(Reason.TOO_DARK, "brightness", mean, min(low, NO_LIGHT))
        or _above(Reason.TOO_BRIGHT, "brightness", mean, max(high, ALL_LIGHT)),
        "saturated": _above(
            white, "saturated share", figures.saturated_share, bounds.saturated_share_max
        ),
        "framing": _below(Reason.OUT_OF_FRAME, "framing score", score, bounds.framing_score_min)
        or _above(Reason.OUT_OF_FRAME, "shift in pixels", shift, bounds.framing_shift_max),
        "brightness": _below(Reason.TOO_DARK, "brightness", mean, low)
        or _above(Reason.TOO_BRIGHT, "brightness", mean, high),
        "black": _above(Reason.BLACK, "black share", figures.black_share, bounds.black_share_max),
        "contrast": _below(Reason.LOW_CONTRAST, "contrast", figures.contrast, bounds.contrast_min),
        "focus": _below(Reason.LOW_FOCUS, "focus", figures.focus, bounds.focus_min),
    }
    return tuple(GateResult(name, refusal) for name, refusal in gates.items())


def _below(reason: Reason, name: str, figure: float | None, bound: float | None) -> Refusal | None:
    if figure is None or bound is None or figure >= bound:
        return None
    return Refusal(reason, figure, bound, f"{name} {figure:.5g} is below {bound:.5g}")


def _above(reason: Reason, name: str, figure: float | None, bound: float | None) -> Refusal | None:
    if figure is None or bound is None or figure <= bound:
        return None
    return Refusal(reason, figure, bound, f"{name} {figure:.5g} is above {bound:.5g}")
