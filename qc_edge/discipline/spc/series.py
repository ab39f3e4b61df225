"""From the points of the log to what each chart is made of, and to the charts: whole, or what has
come since.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import TypeVar

from qc_edge.discipline.spc.figure_chart import FigureChart, FigureMean, figure_chart
from qc_edge.discipline.spc.rate_chart import RateChart, RateCount, rate_chart
from qc_edge.discipline.spc.risk import Risk
from qc_edge.discipline.spc.subjects import RATES, ChartKey, Subject
from qc_edge.query.control.counts import ControlPoint, Regime
from qc_edge.query.control.points import FIGURES, SCORE

_Points = Sequence[ControlPoint]
_begins = attrgetter("begins")
_Measured = TypeVar("_Measured", RateCount, FigureMean)
_Chart = TypeVar("_Chart", RateChart, FigureChart)


def of_pictures(points: Mapping[Regime, _Points]) -> dict[Regime, list[ControlPoint]]:
    """The points of what the gates measured: whatever judged the picture, it is the same."""
    sharing: dict[Regime, list[_Points]] = {}
    for regime, of in points.items():
        sharing.setdefault(regime.of_picture, []).append(of)
    return {regime: _merged(of) for regime, of in sharing.items()}


def _merged(series: Sequence[_Points]) -> list[ControlPoint]:
    if len(series) == 1:
        return list(series[0])
    found: list[ControlPoint] = []
    for each in merge(*series, key=_begins):
        if found and found[-1].begins == each.begins:
            found[-1] = _together(found[-1], each)
        else:
            found.append(each)
    return found


def _together(one: ControlPoint, other: ControlPoint) -> ControlPoint:
    """A stretch of time in which what judges has changed."""
    figures: dict[str, float] = {}
    for name in one.figures.keys() | other.figures.keys():
        having = [each for each in (one, other) if name in each.figures]
        frames = sum(each.frames for each in having)
        figures[name] = sum(each.figures[name] * each.frames for each in having) / frames
    return replace(one, frames=one.frames + other.frames, figures=figures)


def keys_of(
    regime: Regime, points: _Points, known: Iterable[ChartKey], settled: datetime | None
) -> list[ChartKey]:
    """The charts of a regime. Of the time before `settled` they are `known`."""
    keys = {key for key in known if key.regime == regime} if settled else set()
    is_picture = regime == regime.of_picture
    if not is_picture:
        keys |= {ChartKey(regime, Subject.FAIL), ChartKey(regime, Subject.HELD)}
    for each in points[bisect_left(points, settled, key=_begins) if settled else 0 :]:
        if is_picture:
            gates = (name for name in FIGURES if name != SCORE and name in each.figures)
            keys |= {ChartKey(regime, Subject.GATE, name) for name in gates}
            continue
        keys |= {ChartKey(regime, Subject.INVALID, name) for name in each.invalid}
        keys |= {ChartKey(regime, Subject.CLASS, name) for name in each.classes if name}
        if SCORE in each.figures:
            keys.add(ChartKey(regime, Subject.SCORE))
    order = list(Subject)
    return sorted(keys, key=lambda key: (order.index(key.subject), key.name))


@dataclass(frozen=True, slots=True)
class ChartMaker:
    """Makes charts. Those that were made `earlier` stand up to `settled`; points before
    `kept_since` are left out in the end.
    """

    reference_points: int
    risk: Risk
    rates: Mapping[ChartKey, RateChart]
    figures: Mapping[ChartKey, FigureChart]
    settled: datetime | None
    kept_since: datetime | None

    def rate(self, key: ChartKey, points: _Points) -> RateChart:
        """The p-chart of a key."""
        return self._made(key, points, _rate_of(key), self.rates, rate_chart)

    def figure(self, key: ChartKey, points: _Points) -> FigureChart:
        """The chart of means of a key."""
        return self._made(key, points, _figure_of(key), self.figures, figure_chart)

    def _made(
        self,
        key: ChartKey,
        points: _Points,
        measure: Callable[[ControlPoint], _Measured | None],
        earlier: Mapping[ChartKey, _Chart],
        make: Callable[[Sequence[_Measured], int, Risk], _Chart],
    ) -> _Chart:
        chart, since = self._standing(earlier.get(key)), self.settled
        if chart is None or since is None:
            whole = [value for each in points if (value := measure(each)) is not None]
            return self._shortened(make(whole, self.reference_points, self.risk))
        new = points[bisect_left(points, since, key=_begins) :]
        values = [value for each in new if (value := measure(each)) is not None]
        return self._shortened(chart.extended(values))  # type: ignore[arg-type]

    def _standing(self, chart: _Chart | None) -> _Chart | None:
        """What stands of it; None if it has to be made anew."""
        if chart is None or self.settled is None or chart.risk != self.risk:
            return None
        points = chart.points[: bisect_left(chart.points, self.settled, key=_begins)]
        # A reference that is not full yet is not the one of later.
        return replace(chart, points=points) if points and not points[-1].is_reference else None

    def _shortened(self, chart: _Chart) -> _Chart:
        if self.kept_since is None or not chart.points:
            return chart
        # The last one has the sums from which it goes on.
        first = bisect_left(chart.points, self.kept_since, hi=len(chart.points) - 1, key=_begins)
        return replace(chart, points=chart.points[first:])


def _rate_of(key: ChartKey) -> Callable[[ControlPoint], RateCount | None]:
    assert key.subject in RATES  # noqa: S101
    if key.subject is Subject.INVALID:
        return lambda each: RateCount(each.begins, each.invalid.get(key.name, 0), each.frames)
    if key.subject is Subject.CLASS:
        return lambda each: RateCount(each.begins, each.classes.get(key.name, 0), each.judged)
    if key.subject is Subject.HELD:
        return lambda each: RateCount(each.begins, each.held, each.frames)
    return lambda each: RateCount(each.begins, each.failed, each.judged)


def _figure_of(key: ChartKey) -> Callable[[ControlPoint], FigureMean | None]:
    name = key.name or SCORE

    def measure(each: ControlPoint) -> FigureMean | None:
        value = each.figures.get(name)
        return None if value is None else FigureMean(each.begins, value, each.frames)

    return measure
