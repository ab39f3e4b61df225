"""The gates' figures over a shift, view by view, with the bounds that were in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from qc_edge.domain.calibration import GateBounds
from qc_edge.errors import CalibrationError
from qc_edge.query.shift.shift_counts import GateBin
from qc_edge.records.calibrations import load
from qc_edge.settings import StationPaths


@dataclass(frozen=True, slots=True)
class GateFigure:
    """A gate's figure for people; `low` and `high` name its bounds, `scale` is for showing only."""

    name: str
    low: str = ""
    high: str = ""
    unit: str = ""
    scale: float = 1.0

    @property
    def heading(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


FIGURES = {
    "focus": GateFigure("focus", low="focus_min"),
    "brightness": GateFigure("brightness", low="brightness_min", high="brightness_max"),
    "contrast": GateFigure("contrast", low="contrast_min"),
    "saturated_share": GateFigure(
        "saturated pixels", high="saturated_share_max", unit="%", scale=100.0
    ),
    "black_share": GateFigure("black pixels", high="black_share_max", unit="%", scale=100.0),
    "framing_score": GateFigure("framing, likeness", low="framing_score_min"),
    "framing_shift_px": GateFigure("framing, shift", high="framing_shift_max", unit="px"),
}
"""By column of the log, named as in the report of a part."""


@dataclass(frozen=True, slots=True)
class GatePoint:
    """A stretch of time of one figure, and its bounds, None where there is none or where its
    calibration's record is gone.
    """

    measured: GateBin
    low: float | None
    high: float | None

    @property
    def is_outside(self) -> bool:
        """True if more than one frame in twenty was beyond a bound."""
        below = self.low is not None and self.measured.low < self.low
        return below or (self.high is not None and self.measured.high > self.high)


@dataclass(frozen=True, slots=True)
class GateTrend:
    """One figure of one view over the shift, in order of time."""

    view: str
    figure: GateFigure
    points: list[GatePoint]


def gate_trends(paths: StationPaths, bins: Iterable[GateBin]) -> list[GateTrend]:
    """One for each view and figure, the views in order."""
    known: dict[str, GateBounds | None] = {}
    trends = []
    ordered = sorted(bins, key=lambda each: (each.view, list(FIGURES).index(each.figure)))
    for (view, figure), of_figure in groupby(ordered, lambda each: (each.view, each.figure)):
        shown = FIGURES[figure]
        points = []
        for each in sorted(of_figure, key=lambda each: each.begins):
            if each.calibration_id not in known:
                known[each.calibration_id] = _bounds(paths, each.calibration_id)
            bounds = known[each.calibration_id]
            points.append(GatePoint(each, _bound(bounds, shown.low), _bound(bounds, shown.high)))
        trends.append(GateTrend(view, shown, points))
    return trends


def _bounds(paths: StationPaths, identity: str) -> GateBounds | None:
    try:
        return load(paths.calibration / identity.partition("Z-")[2] / f"{identity}.toml").bounds
    except CalibrationError:
        return None


def _bound(bounds: GateBounds | None, name: str) -> float | None:
    value: float | None = getattr(bounds, name) if bounds is not None and name else None
    return value
