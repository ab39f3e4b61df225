"""The drawings of the shift report: the p-chart, the Pareto of reasons, and the gates over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from qc_edge.plot.axes import Axes, percent_ticks, round_up
from qc_edge.plot.canvas import Canvas, Dot, Point, Rectangle, Text
from qc_edge.report.shift.gate_trends import GateTrend
from qc_edge.report.shift.shift_report import ShiftReport

_LINE, _LIMIT, _ALARM, _AREA, _SOFT = "#1f5fa8", "#96600a", "#b3261e", "#cfe0f5", "#5b6675"

_WIDTH = 960
_BAR_HEIGHT = 26
_BARS_MAX = 15
_TICKS = 8


def fail_chart(report: ShiftReport) -> Canvas:
    """The p-chart: the FAIL rate in stretches of time, between the exact limits of each."""
    canvas = Canvas(_WIDTH, 300, "FAIL rate over time, with exact binomial limits")
    rates = [_rate(each.counted.failed, each.counted.judged) for each in report.fail_points]
    limits = [_rate(each.high, each.counted.judged) for each in report.fail_points]
    top = min(1.0, 1.1 * max([0.01, *rates, *limits]))
    axes = Axes(canvas, 64, 34, _WIDTH - 100, 232, _seconds(report), top)
    axes.draw("", "", "FAIL rate", _time_ticks(report), percent_ticks(axes.y_max))
    for point in report.fail_points:
        begins = axes.x(_offset(report, point.counted.begins))
        ends = axes.x(_offset(report, point.counted.begins + report.bin_length))
        low, high = (axes.y(_rate(n, point.counted.judged)) for n in (point.low, point.high))
        canvas.add(Rectangle(begins, high, ends - begins, low - high, _AREA, 0.6))
        canvas.line([(begins, high), (ends, high)], _LIMIT, 1.5)
        if point.low:
            canvas.line([(begins, low), (ends, low)], _LIMIT, 1.5)
    if report.fail_rate is not None:
        middle = axes.y(report.fail_rate)
        canvas.line([(axes.left, middle), (axes.left + axes.width, middle)], _SOFT, dashed=True)
    half = report.bin_length / 2
    marks = [
        (axes.x(_offset(report, each.counted.begins + half)), axes.y(rate))
        for each, rate in zip(report.fail_points, rates, strict=True)
    ]
    if len(marks) > 1:
        canvas.line(marks, _LINE, 1.5)
    for each, (x, y) in zip(report.fail_points, marks, strict=True):
        canvas.add(Dot(x, y, 4.5 if each.is_outside else 3, _ALARM if each.is_outside else _LINE))
    return canvas


def reasons_chart(report: ShiftReport) -> Canvas:
    """Bars of the reasons for which frames were not accepted, the most frequent first, with the
    share that they make up together.
    """
    shown = [each for each in report.reasons if each.frames][:_BARS_MAX]
    height = 20 + _BAR_HEIGHT * len(shown)
    canvas = Canvas(_WIDTH, height, "Reasons, the most frequent first")
    most, total = max(each.frames for each in shown), sum(each.frames for each in report.reasons)
    left, width, so_far = 240, 480, 0
    for number, each in enumerate(shown):
        so_far += each.frames
        y, length = 10 + _BAR_HEIGHT * number, width * each.frames / most
        middle = y + _BAR_HEIGHT - 9
        canvas.add(Text(left - 10, middle, each.reason.replace("_", " "), 13, anchor="end"))
        canvas.add(Rectangle(left, y + 4, length, _BAR_HEIGHT - 8, _LINE))
        canvas.add(Text(left + length + 8, middle, f"{each.frames:,}", 13))
        canvas.add(Text(_WIDTH - 20, middle, f"{so_far / total:.0%}", 13, _SOFT, "end"))
    return canvas


def gate_chart(report: ShiftReport, trend: GateTrend) -> Canvas:
    """One figure of one view: the median, the middle 90 % of the frames, and the bounds."""
    canvas = Canvas(460, 190, f"{trend.view}: {trend.figure.heading}")
    scale = trend.figure.scale
    bounds = [bound for at in trend.points for bound in (at.low, at.high) if bound is not None]
    highest = scale * max([each.measured.high for each in trend.points] + bounds)
    top = max(highest * 1.15, 1e-6)
    step = round_up(top / 3)
    axes = Axes(canvas, 52, 36, 378, 116, _seconds(report), top)
    ticks = [(step * n, f"{step * n:g}") for n in range(int(top / step) + 1)]
    axes.draw(canvas.title, "", "", _time_ticks(report, 4), ticks)
    upper: list[Point] = []
    lower: list[Point] = []
    middle: list[Point] = []
    for each in trend.points:
        begins = axes.x(_offset(report, each.measured.begins))
        ends = axes.x(_offset(report, each.measured.begins + report.bin_length))
        high, low = axes.y(scale * each.measured.high), axes.y(scale * each.measured.low)
        fill = "#f5c9c5" if each.is_outside else _AREA
        canvas.add(Rectangle(begins, high, ends - begins, max(low - high, 1.0), fill, 0.9))
        middle.append(((begins + ends) / 2, axes.y(scale * each.measured.median)))
        for bound, line in ((each.low, lower), (each.high, upper)):
            if bound is not None:
                y = axes.y(scale * bound)
                line += [(begins, y), (ends, y)]
    for line in (upper, lower):
        if line:
            canvas.line(line, _ALARM, 1.5, dashed=True)
    if len(middle) > 1:
        canvas.line(middle, _LINE, 1.5)
    for x, y in middle:
        canvas.add(Dot(x, y, 2, _LINE))
    return canvas


def _rate(count: int, of: int) -> float:
    return count / of if of else 0.0


def _seconds(report: ShiftReport) -> float:
    return max(1.0, (report.period.ends - report.period.begins).total_seconds())


def _offset(report: ShiftReport, moment: datetime) -> float:
    return (moment - report.period.begins).total_seconds()


def _time_ticks(report: ShiftReport, most: int = _TICKS) -> list[tuple[float, str]]:
    """Full hours of the station's clock, as many as there is room for."""
    hours = _seconds(report) / 3600
    step = next(each for each in (1, 2, 3, 4, 6, 12, 24, 48) if hours / each <= most)
    begins = report.calendar.local(report.period.begins)
    first = begins.replace(minute=0, second=0, microsecond=0)
    ticks, moment = [], first
    while moment <= report.period.ends:
        if moment >= report.period.begins:
            local = report.calendar.local(moment)
            ticks.append((_offset(report, moment), f"{local:%H:%M}"))
        moment = moment + timedelta(hours=step)
    return ticks
