"""A p-chart: a share of counts over time, each point against exact binomial limits, and the sum
that finds a doubling too small for any single point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from qc_edge.discipline.spc.risk import POINT, SLOW, Risk
from qc_edge.domain.reporting.binomial import at_most, control_limits, highest_share

RISE = 2.0
"""The sum looks for a rate that is this many times the one of the reference; where that would be
most of all there is, for half of the others.
"""

_CONFIDENCE = 0.8
_LEAST, _MOST = 1e-9, 1 - 1e-9
_CLOSE = 2.0
"""Points nearer than this many standard deviations are within every limit."""


@dataclass(frozen=True, slots=True)
class RateCount:
    """A count `of` so many, in a stretch of time or a lot; `name` is the lot's."""

    begins: datetime
    count: int
    of: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class RatePoint:
    """A point of the chart; `alarm` names the rule that it broke, empty if none."""

    counted: RateCount
    is_reference: bool
    total: float
    alarm: str

    @property
    def begins(self) -> datetime:
        """When its frames begin."""
        return self.counted.begins

    @property
    def rate(self) -> float:
        """0..1."""
        return self.counted.count / self.counted.of if self.counted.of else 0.0


@dataclass(frozen=True, slots=True)
class RateReference:
    """What the reference says: its rate (0..1), and the `highest` that it leaves possible.

    With 80 % confidence the true rate is not above that. Alarms are held against it, since a
    reference with few FAILs may lie far too low.
    """

    rate: float
    highest: float

    @classmethod
    def of_counts(cls, counts: Sequence[RateCount]) -> RateReference:
        """What these say together."""
        count, of = sum(each.count for each in counts), sum(each.of for each in counts)
        highest = highest_share(count, of, _CONFIDENCE)
        return cls(count / of if of else 0.0, min(_MOST, max(highest, _LEAST)))

    def limits(self, of: int, tail: float) -> tuple[int, int]:
        """The least and the highest count of `of` that chance explains. Exact."""
        return control_limits(of, self.rate, tail)[0], control_limits(of, self.highest, tail)[1]


@dataclass(frozen=True, slots=True)
class RateChart:
    """The points in order of time. The reference `begins` the chart, of which older points may have
    been left out since.
    """

    reference: RateReference
    points: tuple[RatePoint, ...]
    risk: Risk
    begins: datetime

    def limits(self, point: RatePoint) -> tuple[int, int]:
        """The least and highest count that give no alarm at this point."""
        return self.reference.limits(point.counted.of, self.risk.tail)

    def extended(self, counts: Sequence[RateCount]) -> RateChart:
        """With these behind its points. There is at least one point."""
        base = self.reference.highest
        risen = min(RISE * base, (1 + base) / 2)
        on_count, on_rest = math.log(risen / base), math.log((1 - risen) / (1 - base))
        tail, limit, last = self.risk.tail, self.risk.limit, self.points[-1]
        # After an alarm the sum begins anew: the rule may be broken again, if it stays.
        points, total = [], 0.0 if last.alarm else last.total
        for each in counts:
            total = max(0.0, total + each.count * on_count + (each.of - each.count) * on_rest)
            alarm = POINT if _is_beyond(each, self.reference, tail) else ""
            if total >= limit:
                alarm = alarm or SLOW
            points.append(RatePoint(each, False, total, alarm))
            if alarm:
                total = 0.0
        return replace(self, points=(*self.points, *points))


def rate_chart(counts: Sequence[RateCount], reference_points: int, risk: Risk) -> RateChart:
    """The first `reference_points` of `counts`, one at least, are the reference for the others."""
    first = counts[:reference_points]
    learnt = tuple(RatePoint(each, True, 0.0, "") for each in first)
    chart = RateChart(RateReference.of_counts(first), learnt, risk, first[0].begins)
    return chart.extended(counts[reference_points:])


def _is_beyond(each: RateCount, reference: RateReference, tail: float) -> bool:
    """True if chance does not explain so high a count. A low one is no alarm: fewer FAILs come of
    better parts, or of a camera that sees less, which the figures tell.
    """
    expected = each.of * reference.highest
    if each.count <= expected + _CLOSE * math.sqrt(expected):
        return False
    return _above(each.count, each.of, reference.highest) <= tail


@lru_cache(maxsize=4096)
def _above(count: int, of: int, share: float) -> float:
    return 1.0 - at_most(count - 1, of, share)
