"""The control charts of a station: what is charted of each regime, and the alarms of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qc_edge.discipline.spc.figure_chart import FigureChart
from qc_edge.discipline.spc.rate_chart import RateChart
from qc_edge.discipline.spc.risk import Risk
from qc_edge.discipline.spc.series import ChartMaker, keys_of, of_pictures
from qc_edge.discipline.spc.subjects import RATES, ChartKey, Subject
from qc_edge.query.control.counts import ControlPoint, Regime


@dataclass(frozen=True, slots=True)
class Alarm:
    """A point that broke a rule. `was` and `now` are the reference and the newest mean of what is
    charted: shares of 1, or a figure in its own unit.
    """

    key: ChartKey
    at: datetime
    rule: str
    rises: bool
    was: float
    now: float

    @property
    def words(self) -> str:
        """`FAIL 0.5 % -> 1.2 %`; `focus 96 -> 71`."""
        if self.key.subject in {Subject.GATE, Subject.SCORE}:
            return f"{self.key.what} {self.was:.4g} -> {self.now:.4g}"
        return f"{self.key.what} {100 * self.was:.3g} % -> {100 * self.now:.3g} %"


@dataclass(frozen=True, slots=True)
class ControlCharts:
    """All charts of a station. `learning` are the regimes whose reference is not full yet, with
    the points that they have.
    """

    rates: Mapping[ChartKey, RateChart]
    figures: Mapping[ChartKey, FigureChart]
    learning: Mapping[Regime, int]
    reference_points: int
    risk: Risk

    def alarms(self) -> list[Alarm]:
        """All of them, in order of time."""
        found = [*self._rate_alarms(), *self._figure_alarms()]
        return sorted(found, key=lambda each: (each.at, each.key.title))

    def _rate_alarms(self) -> Iterator[Alarm]:
        for key, chart in self.rates.items():
            for number, point in enumerate(chart.points):
                if point.alarm:
                    recent = chart.points[max(0, number - 3) : number + 1]
                    seen = sum(each.counted.of for each in recent if not each.is_reference)
                    count = sum(each.counted.count for each in recent if not each.is_reference)
                    now = count / seen if seen else point.rate
                    at = point.counted.begins
                    yield Alarm(key, at, point.alarm, True, chart.reference.rate, now)

    def _figure_alarms(self) -> Iterator[Alarm]:
        for key, chart in self.figures.items():
            for point in chart.points:
                if point.alarm:
                    was, now = chart.reference.mean, point.measured.value
                    at = point.measured.begins
                    yield Alarm(key, at, point.alarm, point.rises, was, now)


@dataclass(frozen=True, slots=True)
class ChartRules:
    """How charts are made: points of `point_minutes`, the first `reference_points` of a regime are
    the reference, points with fewer frames than `fewest_frames` are left out.
    """

    point_minutes: float
    reference_points: int
    fewest_frames: int
    false_alarms_per_week: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """Charts as they were before: what they say of the time before `settled` stands."""

    charts: ControlCharts
    settled: datetime


def make_charts(
    points: Mapping[Regime, Sequence[ControlPoint]],
    rules: ChartRules,
    earlier: Earlier | None = None,
    kept_since: datetime | None = None,
) -> ControlCharts:
    """The charts of what `query.control.points.control_points` gives.

    With `earlier` only what came since is reckoned, where nothing else has changed. With
    `kept_since` older points count, but are left out of the charts that are given back.
    """
    number = rules.reference_points
    judged = _whole(points, rules)
    pictures = _whole(of_pictures(points), rules)
    learning = {regime: len(of) for regime, of in judged.items() if 0 < len(of) <= number}
    ready = {regime: of for regime, of in (judged | pictures).items() if len(of) > number}
    before, settled = (earlier.charts, earlier.settled) if earlier else (None, None)
    known = [*before.rates, *before.figures] if before else []
    series = {
        key: of for regime, of in ready.items() for key in keys_of(regime, of, known, settled)
    }
    # Only what is judged now can raise an alarm now: an older regime gets no more points.
    newest = max((of[-1].begins for of in ready.values()), default=None)
    live = {regime for regime, of in ready.items() if newest and (newest - of[-1].begins).days < 7}
    sides = sum(1 if key.subject in RATES else 2 for key in series if key.regime in live)
    risk = Risk(rules.false_alarms_per_week, rules.point_minutes, sides)
    rates, figures = (before.rates, before.figures) if before else ({}, {})
    maker = ChartMaker(number, risk, rates, figures, settled, kept_since)
    return ControlCharts(
        {key: maker.rate(key, of) for key, of in series.items() if key.subject in RATES},
        {key: maker.figure(key, of) for key, of in series.items() if key.subject not in RATES},
        learning,
        number,
        risk,
    )


def _whole(
    points: Mapping[Regime, Sequence[ControlPoint]], rules: ChartRules
) -> dict[Regime, list[ControlPoint]]:
    return {
        regime: [each for each in of if each.frames >= rules.fewest_frames]
        for regime, of in points.items()
    }
