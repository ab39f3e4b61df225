"""A chart of a continuous figure, a gate's or the score of accepted parts: its mean over time
against the reference, point by point and as a sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import NormalDist, fmean, stdev

from qc_edge.discipline.spc.risk import POINT, SLOW, Risk

SHIFT = 1.0
"""The sums look for a mean that is this many standard deviations away."""

_CONFIDENCE = NormalDist().inv_cdf(0.8)
_FLOOR = 0.002
"""Of the mean, the least standard deviation: below it no difference matters to anybody, and a
picture that is the same every time would have none at all.
"""


@dataclass(frozen=True, slots=True)
class FigureMean:
    """The mean of a figure in a stretch of time."""

    begins: datetime
    value: float
    frames: int


@dataclass(frozen=True, slots=True)
class FigurePoint:
    """A point of the chart: `distance` from the reference in standard deviations, the two sums
    (upwards, downwards), and the rule that it broke, empty if none. `rises` says to which side.
    """

    measured: FigureMean
    is_reference: bool
    distance: float
    up: float
    down: float
    alarm: str
    rises: bool

    @property
    def begins(self) -> datetime:
        """When its frames begin."""
        return self.measured.begins


@dataclass(frozen=True, slots=True)
class FigureReference:
    """The mean of the reference's points, and their standard deviation from one to the next, which
    has the process' own wandering in it.
    """

    mean: float
    deviation: float
    points: int

    def limits(self, risk: Risk) -> tuple[float, float]:
        """A point outside is an alarm."""
        reach = self.reach(risk) * self.deviation
        return self.mean - reach, self.mean + reach

    @property
    def slack(self) -> float:
        """How far off the mean itself may be, in standard deviations, with 80 % confidence."""
        return _CONFIDENCE / math.sqrt(max(self.points, 1))

    def reach(self, risk: Risk) -> float:
        """The farthest that no alarm is made of, in standard deviations."""
        return NormalDist().inv_cdf(1 - risk.tail / 2) + self.slack


@dataclass(frozen=True, slots=True)
class FigureChart:
    """The points in order of time. The reference `begins` the chart, of which older points may have
    been left out since.
    """

    reference: FigureReference
    points: tuple[FigurePoint, ...]
    risk: Risk
    begins: datetime

    def extended(self, means: Sequence[FigureMean]) -> FigureChart:
        """With these behind its points. There is at least one point."""
        reference, last = self.reference, self.points[-1]
        reach, slack, limit = reference.reach(self.risk), reference.slack, self.risk.limit
        up, down = (0.0, 0.0) if last.alarm else (last.up, last.down)
        points = []
        for each in means:
            distance = (each.value - reference.mean) / reference.deviation
            up = max(0.0, up + SHIFT * (distance - slack - SHIFT / 2))
            down = max(0.0, down + SHIFT * (-distance - slack - SHIFT / 2))
            alarm = POINT if abs(distance) > reach else SLOW if max(up, down) >= limit else ""
            points.append(FigurePoint(each, False, distance, up, down, alarm, distance > 0))
            if alarm:
                up = down = 0.0
        return replace(self, points=(*self.points, *points))


def figure_chart(means: Sequence[FigureMean], reference_points: int, risk: Risk) -> FigureChart:
    """The first `reference_points` of `means`, one at least, are the reference for the others."""
    first = means[:reference_points]
    reference = _reference([each.value for each in first])
    learnt = [
        FigurePoint(
            each, True, (each.value - reference.mean) / reference.deviation, 0, 0, "", False
        )
        for each in first
    ]
    chart = FigureChart(reference, tuple(learnt), risk, first[0].begins)
    return chart.extended(means[reference_points:])


def _reference(values: list[float]) -> FigureReference:
    """The standard deviation is taken at the upper end of what the points leave possible."""
    if not values:
        return FigureReference(0.0, 1.0, 0)
    mean = fmean(values)
    floor = max(_FLOOR * abs(mean), 1e-9)
    if len(values) < 2:
        return FigureReference(mean, floor, len(values))
    free = len(values) - 1
    # Wilson and Hilferty's chi-squared: the quantile that 80 % of such samples lie above.
    quantile = free * (1 - 2 / (9 * free) - _CONFIDENCE * math.sqrt(2 / (9 * free))) ** 3
    deviation = stdev(values) * math.sqrt(free / max(quantile, 1e-9))
    return FigureReference(mean, max(deviation, floor), len(values))
