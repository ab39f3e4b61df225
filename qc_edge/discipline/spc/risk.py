"""How sure an alarm has to be, from how many false ones a week a person will bear."""

from __future__ import annotations

import math
from dataclasses import dataclass

MINUTES_A_WEEK = 7 * 24 * 60

_BEYOND = 1.5

SLOW, POINT = "slow", "point"
"""The two rules: a sum of small differences, and one point too far away."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The limits of every chart, so that all of them together give `false_alarms_per_week`.

    Half of it is for single points, half for the sums. `charts` counts sides: a chart of a figure
    has two, since it may rise or fall.
    """

    false_alarms_per_week: float
    point_minutes: float
    charts: int

    @property
    def points_between(self) -> float:
        """Points of one side of one chart, on average, between two false alarms of one rule."""
        points = MINUTES_A_WEEK / self.point_minutes * max(self.charts, 1)
        return 2 * points / self.false_alarms_per_week

    @property
    def tail(self) -> float:
        """The probability (0..1) of a point beyond its limit though nothing has changed."""
        return min(0.5, 1 / self.points_between)

    @property
    def limit(self) -> float:
        """What a sum of log-likelihood ratios has to reach.

        G. Lorden, Procedures for reacting to a change in distribution, 1971: at least exp(limit)
        points lie between two false alarms. What the last step adds beyond the limit makes them
        some exp(1.5) times as many (D. Siegmund, Sequential Analysis, 1985), which is taken off.
        """
        return max(1.0, math.log(self.points_between) - _BEYOND)
