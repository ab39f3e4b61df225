"""The gates of an inspection as lines of a table: measured, allowed, within or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Reason


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate: what was measured, what is allowed, and whether it was (None: no bound, or no
    figure). `decided`: this gate refused the frame.
    """

    name: str
    figure: str
    bound: str
    within: bool | None
    decided: bool = False


@dataclass(frozen=True, slots=True)
class _Measurement:
    """A gate's figure with its bounds, None where there is none. `scale` is for showing only."""

    name: str
    figure: float | None
    low: float | None
    high: float | None
    reasons: tuple[Reason, ...]
    unit: str = ""
    scale: float = 1.0

    @property
    def within(self) -> bool | None:
        if self.figure is None or (self.low is None and self.high is None):
            return None
        # As the gates decide: a figure that equals its bound is within it.
        above_low = self.low is None or self.figure >= self.low
        return above_low and (self.high is None or self.figure <= self.high)

    def line(self, row: Inspection, *, has_record: bool) -> GateLine:
        figure = "not measured"
        if self.figure is not None:
            figure = f"{self.figure * self.scale:.4g}{self.unit}"
        limits = [
            f"{relation} {limit * self.scale:g}{self.unit}"
            for relation, limit in (("at least", self.low), ("at most", self.high))
            if limit is not None
        ]
        no_bound = "no bound" if has_record else "calibration record missing"
        decided = row.reason in self.reasons
        return GateLine(self.name, figure, ", ".join(limits) or no_bound, self.within, decided)


def gate_lines(row: Inspection, calibration: Calibration | None) -> list[GateLine]:
    """The gates in the order in which they decide, with the bounds of the row's own calibration.

    Without that record (None) the figures are shown, and nothing is said of them.
    """
    has_record = calibration is not None
    measurements = _measurements(row, calibration)
    return [
        *_format_lines(row, calibration),
        *(measurement.line(row, has_record=has_record) for measurement in measurements),
    ]


def _measurements(row: Inspection, calibration: Calibration | None) -> list[_Measurement]:
    bounds = calibration.bounds if calibration else None

    def bound(name: str) -> float | None:
        value: float | None = getattr(bounds, name) if bounds else None
        return value

    white, black = bound("saturated_share_max"), bound("black_share_max")
    dark, bright = bound("brightness_min"), bound("brightness_max")
    likeness, shift = bound("framing_score_min"), bound("framing_shift_max")
    framing = (Reason.OUT_OF_FRAME,)
    measurements = [
        _Measurement(
            "saturated pixels", row.saturated_share, None, white, (Reason.SATURATED,), " %", 100.0
        )
    ]
    # A calibration without a framing reference has no such gate: no empty line for it.
    if row.framing_score is not None or likeness is not None:
        measurements += [
            _Measurement("framing, likeness", row.framing_score, likeness, None, framing),
            _Measurement("framing, shift", row.framing_shift_px, None, shift, framing, " px"),
        ]
    return [
        *measurements,
        _Measurement(
            "brightness", row.brightness, dark, bright, (Reason.TOO_DARK, Reason.TOO_BRIGHT)
        ),
        _Measurement("black pixels", row.black_share, None, black, (Reason.BLACK,), " %", 100.0),
        _Measurement("contrast", row.contrast, bound("contrast_min"), None, (Reason.LOW_CONTRAST,)),
        _Measurement("focus", row.focus, bound("focus_min"), None, (Reason.LOW_FOCUS,)),
    ]


def _format_lines(row: Inspection, calibration: Calibration | None) -> Iterator[GateLine]:
    """Size and bit depth; nothing for a frame that did not read."""
    if row.width is None or row.height is None:
        return
    same_size = same_depth = None
    size = depth = "any"
    if calibration and (calibration.width is not None or calibration.sizes is not None):
        same_size = calibration.fits_size(row.width, row.height)
        size = calibration.size_words
    if calibration and calibration.bit_depth is not None:
        same_depth = row.bit_depth == calibration.bit_depth
        depth = f"{calibration.bit_depth} bits"
    wrong_size = row.reason is Reason.WRONG_SIZE
    yield GateLine("size", f"{row.width} x {row.height} px", size, same_size, wrong_size)
    wrong_depth = row.reason is Reason.WRONG_BIT_DEPTH
    yield GateLine("bit depth", f"{row.bit_depth} bits", depth, same_depth, wrong_depth)
