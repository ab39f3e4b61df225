"""Control charts as drawings: each point, its reference, its limits, and what broke a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from qc_edge.discipline.spc.examine import SpcReport
from qc_edge.discipline.spc.figure_chart import FigureChart
from qc_edge.discipline.spc.rate_chart import RateChart
from qc_edge.discipline.spc.subjects import ChartKey, Subject
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.plot.axes import round_up
from qc_edge.plot.canvas import Canvas, Dot, Line, Point, Rectangle, Text

_LINE, _LIMIT, _ALARM, _AREA, _SOFT = "#1f5fa8", "#96600a", "#b3261e", "#cfe0f5", "#5b6675"
_WIDTH, _HEIGHT = 460, 190
_LEFT, _TOP, _FIELD, _DEEP = 58, 36, 384, 112
_MOST_POINTS = 400
_DEPTH = {Subject.FAIL: 0, Subject.CLASS: 1, Subject.INVALID: 2, Subject.HELD: 3, Subject.GATE: 4}


def order(key: ChartKey) -> tuple[str, int, str]:
    """Charts stand by view and recipe, the rates first."""
    return key.regime.of, _DEPTH.get(key.subject, 5), key.name


def rate_drawing(
    key: ChartKey, chart: RateChart, report: SpcReport, calendar: StationCalendar
) -> Canvas:
    """A p-chart: the band is what chance explains, exactly, for the frames of each point."""
    points = [each for each in chart.points if each.counted.begins >= report.since][-_MOST_POINTS:]
    bands = [(low / of, high / of) for each in points for low, high, of in (_band(chart, each),)]
    top = max([0.001, *(each.rate for each in points), *(high for _, high in bands)]) * 1.1
    canvas = Canvas(_WIDTH, _HEIGHT, key.title)
    field = _Field(canvas, report, calendar, 0.0, top, lambda value: f"{100 * value:g} %")
    for each, (low, high) in zip(points, bands, strict=True):
        field.band(each.counted.begins, low, high)
    field.level(chart.reference.rate)
    field.line([(each.counted.begins, each.rate, bool(each.alarm)) for each in points])
    return canvas


def figure_drawing(
    key: ChartKey, chart: FigureChart, report: SpcReport, calendar: StationCalendar
) -> Canvas:
    """A chart of means: the band ends where a single point is an alarm."""
    points = [each for each in chart.points if each.measured.begins >= report.since]
    points = points[-_MOST_POINTS:]
    low, high = chart.reference.limits(chart.risk)
    values = [each.measured.value for each in points]
    least, most = min([low, *values]), max([high, *values])
    room = 0.05 * (most - least)
    canvas = Canvas(_WIDTH, _HEIGHT, key.title)
    field = _Field(
        canvas, report, calendar, least - room, most + room, lambda value: f"{value:.4g}"
    )
    for each in points:
        field.band(each.measured.begins, low, high)
    field.level(chart.reference.mean)
    field.line([(each.measured.begins, each.measured.value, bool(each.alarm)) for each in points])
    return canvas


def _band(chart: RateChart, point: object) -> tuple[int, int, int]:
    from qc_edge.discipline.spc.rate_chart import RatePoint

    assert isinstance(point, RatePoint)  # noqa: S101
    low, high = chart.limits(point)
    return low, high, max(point.counted.of, 1)


class _Field:
    """The field of one drawing: time by value, with its ticks, which are of the station's clock."""

    def __init__(
        self,
        canvas: Canvas,
        report: SpcReport,
        calendar: StationCalendar,
        least: float,
        most: float,
        words: Callable[[float], str],
    ) -> None:
        self._canvas, self._report = canvas, report
        self._least, self._most = least, most if most > least else least + 1.0
        self._seconds = max(1.0, (report.until - report.since).total_seconds())
        self._wide = max(1.0, _FIELD * report.charts.risk.point_minutes * 60 / self._seconds)
        canvas.add(Text(_LEFT, 16, canvas.title, 13, "#111827", bold=True))
        step = round_up((self._most - self._least) / 4)
        number = int(self._least / step) - 1
        while (value := number * step) <= self._most:
            if value >= self._least:
                y = self._y(value)
                canvas.add(Line(((_LEFT, y), (_LEFT + _FIELD, y)), "#e5e7eb"))
                canvas.add(Text(_LEFT - 6, y + 4, words(round(value, 12)), 10.5, anchor="end"))
            number += 1
        for share in (0.0, 0.5, 1.0):
            moment = report.since + share * (report.until - report.since)
            at, anchors = _LEFT + share * _FIELD, ("start", "middle", "end")
            anchor = anchors[int(2 * share)]
            text = f"{calendar.local(moment):%m-%d %H:%M}"
            canvas.add(Text(at, _TOP + _DEEP + 18, text, 10.5, anchor=anchor))  # type: ignore[arg-type]

    def band(self, begins: datetime, low: float, high: float) -> None:
        x, top, bottom = self._x(begins), self._y(high), self._y(low)
        wide = min(self._wide, _LEFT + _FIELD - x)
        self._canvas.add(Rectangle(x, top, max(wide, 0.5), max(bottom - top, 0.5), _AREA, 0.7))

    def level(self, value: float) -> None:
        y = self._y(value)
        self._canvas.line([(_LEFT, y), (_LEFT + _FIELD, y)], _SOFT, dashed=True)

    def line(self, points: list[tuple[datetime, float, bool]]) -> None:
        marks: list[Point] = [
            (min(self._x(at) + self._wide / 2, _LEFT + _FIELD), self._y(value))
            for at, value, _ in points
        ]
        if len(marks) > 1:
            self._canvas.line(marks, _LINE, 1.2)
        for (x, y), (_, _, alarm) in zip(marks, points, strict=True):
            self._canvas.add(Dot(x, y, 4.5 if alarm else 1.8, _ALARM if alarm else _LINE))

    def _x(self, moment: datetime) -> float:
        return _LEFT + _FIELD * (moment - self._report.since).total_seconds() / self._seconds

    def _y(self, value: float) -> float:
        share = (value - self._least) / (self._most - self._least)
        return _TOP + _DEEP * (1 - min(max(share, 0.0), 1.0))
