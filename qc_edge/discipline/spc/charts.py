"""The control charts of a station: what is charted of each regime, and the alarms of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from qc_edge.discipline.spc.figure_chart import FigureChart, FigureMean, figure_chart
from qc_edge.discipline.spc.rate_chart import RateChart, RateCount, rate_chart
from qc_edge.discipline.spc.risk import Risk
from qc_edge.query.control.counts import ControlPoint, Regime
from qc_edge.query.control.points import FIGURES, SCORE


class Subject(str, Enum):
    """What a chart is about."""

    FAIL = "FAIL"
    CLASS = "FAIL of class"
    INVALID = "INVALID"
    HELD = "held"
    GATE = "gate"
    SCORE = "score of accepted"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class ChartKey:
    """A chart: of which regime, and of what; `name` is the class, reason or figure."""

    regime: Regime
    subject: Subject
    name: str = ""

    @property
    def title(self) -> str:
        """For people: `top: FAIL of class scratch`."""
        return f"{self.regime.of}: {self.what}"

    @property
    def what(self) -> str:
        """`FAIL of class scratch`, `focus`."""
        if self.subject is Subject.GATE:
            return self.name.replace("_", " ")
        return f"{self.subject} {self.name}".strip()


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


def make_charts(
    points: Mapping[Regime, Sequence[ControlPoint]], rules: ChartRules
) -> ControlCharts:
    """The charts of what `query.control.points.control_points` gives."""
    whole = {
        regime: [each for each in of if each.frames >= rules.fewest_frames]
        for regime, of in points.items()
    }
    learning = {
        regime: len(of) for regime, of in whole.items() if 0 < len(of) <= rules.reference_points
    }
    ready = {regime: of for regime, of in whole.items() if len(of) > rules.reference_points}
    rates = {key: counts for regime, of in ready.items() for key, counts in _rates(regime, of)}
    figures = {key: means for regime, of in ready.items() for key, means in _figures(regime, of)}
    # Only what is judged now can raise an alarm now: an older regime gets no more points.
    newest = max((of[-1].begins for of in ready.values()), default=None)
    live = {regime for regime, of in ready.items() if newest and (newest - of[-1].begins).days < 7}
    sides = sum(key.regime in live for key in rates) + 2 * sum(
        key.regime in live for key in figures
    )
    risk = Risk(rules.false_alarms_per_week, rules.point_minutes, sides)
    number = rules.reference_points
    return ControlCharts(
        {key: rate_chart(counts, number, risk) for key, counts in rates.items()},
        {key: figure_chart(means, number, risk) for key, means in figures.items()},
        learning,
        number,
        risk,
    )


def _rates(
    regime: Regime, points: Sequence[ControlPoint]
) -> Iterator[tuple[ChartKey, list[RateCount]]]:
    yield (
        ChartKey(regime, Subject.FAIL),
        [RateCount(each.begins, each.failed, each.judged) for each in points],
    )
    yield (
        ChartKey(regime, Subject.HELD),
        [RateCount(each.begins, each.held, each.frames) for each in points],
    )
    for reason in sorted({name for each in points for name in each.invalid}):
        yield (
            ChartKey(regime, Subject.INVALID, reason),
            [RateCount(each.begins, each.invalid.get(reason, 0), each.frames) for each in points],
        )
    for name in sorted({name for each in points for name in each.classes if name}):
        yield (
            ChartKey(regime, Subject.CLASS, name),
            [RateCount(each.begins, each.classes.get(name, 0), each.judged) for each in points],
        )


def _figures(
    regime: Regime, points: Sequence[ControlPoint]
) -> Iterator[tuple[ChartKey, list[FigureMean]]]:
    for name in FIGURES:
        means = [
            FigureMean(each.begins, each.figures[name], each.frames)
            for each in points
            if name in each.figures
        ]
        if means:
            subject = Subject.SCORE if name == SCORE else Subject.GATE
            yield ChartKey(regime, subject, "" if name == SCORE else name), means
