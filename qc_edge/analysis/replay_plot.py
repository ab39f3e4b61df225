"""The pictures of a replay: where the scores lie, what thresholds cost, how another model
scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qc_edge.analysis.rescored import RescoredPart
from qc_edge.analysis.threshold_impact import OperatingPoint, ThresholdImpact
from qc_edge.plot.axes import Axes, nice, shares
from qc_edge.plot.canvas import Canvas, Dot, Line, Rectangle, Text
from qc_edge.query.history import BINS

PASS, FAIL, OLD, NEW = "#3b82f6", "#f97316", "#6b7280", "#dc2626"

_MARGIN, _TOP, _WIDTH, _FIELD_HEIGHT, _GAP = 64, 84, 440, 270, 96
_DOTS = 5000
"""More of one colour are thinned out, evenly over time."""
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def threshold_picture(
    station: str,
    effect: ThresholdImpact,
    histogram: tuple[Sequence[int], Sequence[int]],
    curve: Sequence[OperatingPoint],
) -> Canvas:
    """The histogram of the scores with both thresholds, and the operating curve if there is one."""
    width = _MARGIN + _WIDTH + (_GAP + _WIDTH if curve else 0) + 32
    canvas = Canvas(width, _TOP + _FIELD_HEIGHT + 60, f"{station}: replay")
    before = effect.threshold_before
    head = f"{station}: threshold {'' if before is None else f'{before:g} → '}{effect.threshold:g}"
    flipped = effect.totals.pass_to_fail + effect.totals.fail_to_pass
    canvas.add(Text(_MARGIN, 26, head, 17, "#111827", bold=True))
    canvas.add(
        Text(
            _MARGIN, 44, f"{effect.totals.inspections:,} inspections, {flipped:,} verdicts turn", 12
        )
    )
    _histogram(canvas, effect, histogram)
    if curve:
        _operating(canvas, effect, curve)
    return canvas


def rescored_picture(
    station: str, model: str, pairs: Sequence[RescoredPart], before: float, after: float
) -> Canvas:
    """Every re-scored part: the stored score to the right, the new one upwards, flips in colour."""
    canvas = Canvas(_MARGIN + 420 + 40, _TOP + 420 + 60, f"{station}: {model}")
    flipped = sum(pair.flips(after) for pair in pairs)
    canvas.add(Text(_MARGIN, 26, f"{station}: {model}", 17, "#111827", bold=True))
    canvas.add(
        Text(_MARGIN, 44, f"{len(pairs):,} parts scored again, {flipped:,} verdicts turn", 12)
    )
    axes = Axes(canvas, _MARGIN, _TOP, 420, 420, 1.0, 1.0)
    tenths = [(number / 5, f"{number / 5:g}") for number in range(6)]
    axes.draw("", "stored score", f"score by {model}", tenths, tenths)
    canvas.line([(axes.x(0), axes.y(0)), (axes.x(1), axes.y(1))], OLD, dashed=True)
    for turned, colour, radius in ((False, PASS, 2), (True, NEW, 3)):
        shown = [pair for pair in pairs if pair.flips(after) == turned]
        for pair in shown[:: 1 + len(shown) // _DOTS]:
            canvas.add(Dot(axes.x(pair.part.score), axes.y(pair.after), radius, colour, 0.55))
    _upright(canvas, axes, before, OLD, f"stored {before:g}", "start")
    level = axes.y(after)
    canvas.line([(axes.left, level), (axes.left + axes.width, level)], NEW, 1.5)
    canvas.add(Text(axes.left + axes.width, level - 5, f"new {after:g}", 11, NEW, "end"))
    return canvas


def _histogram(
    canvas: Canvas, effect: ThresholdImpact, histogram: tuple[Sequence[int], Sequence[int]]
) -> None:
    tallest = max(map(sum, zip(*histogram, strict=True)), default=0)
    decades = max(1, math.ceil(math.log10(tallest + 1)))
    axes = Axes(canvas, _MARGIN, _TOP, _WIDTH, _FIELD_HEIGHT, 1.0, float(decades))
    ticks = [(float(power), _short(10**power)) for power in range(decades + 1)]
    axes.draw(
        "",
        "score (higher is worse)",
        "parts, logarithmic",
        [(n / 5, f"{n / 5:g}") for n in range(6)],
        ticks,
    )
    width = axes.width / BINS
    for number, (passed, failed) in enumerate(zip(*histogram, strict=True)):
        for count, colour in ((passed + failed, FAIL), (passed, PASS)):
            if count:
                top = axes.y(math.log10(count) if count > 1 else 0.08)
                low = axes.top + axes.height
                canvas.add(
                    Rectangle(axes.left + number * width, top, width * 0.9, low - top, colour)
                )
    right = axes.left + axes.width
    for row, (said, colour) in enumerate((("PASS as stored", PASS), ("FAIL as stored", FAIL))):
        canvas.add(Rectangle(right - 104, axes.top + 6 + 18 * row, 11, 11, colour))
        canvas.add(Text(right - 88, axes.top + 16 + 18 * row, said, 11))
    before = effect.threshold_before
    left_is_old = before is None or before <= effect.threshold
    if before is not None:
        _upright(canvas, axes, before, OLD, f"stored {before:g}", "end" if left_is_old else "start")
    _upright(
        canvas,
        axes,
        effect.threshold,
        NEW,
        f"new {effect.threshold:g}",
        "start" if left_is_old else "end",
    )


def _operating(canvas: Canvas, effect: ThresholdImpact, curve: Sequence[OperatingPoint]) -> None:
    stored = (effect.before.overkill.value or 0.0, effect.before.escapes.value or 0.0)
    new = (effect.after.overkill.value or 0.0, effect.after.escapes.value or 0.0)
    limits = [min(1.0, nice(max(0.01, 2 * max(stored[axis], new[axis])))) for axis in (0, 1)]
    axes = Axes(canvas, _MARGIN + _WIDTH + _GAP, _TOP, _WIDTH, _FIELD_HEIGHT, *limits)
    goods, defects = effect.after.overkill.of, effect.after.escapes.of
    names = (f"overkill, of {goods:,} labelled good", f"escapes, of {defects:,} labelled defects")
    axes.draw("", *names, shares(limits[0]), shares(limits[1]))
    inside = [
        each for each in curve if each.overkill_rate <= limits[0] and each.escape_rate <= limits[1]
    ]
    places = [
        (round(axes.x(each.overkill_rate), 1), round(axes.y(each.escape_rate), 1))
        for each in inside
    ]
    if places:
        canvas.line(list(dict.fromkeys(places)), PASS, 2)
    left_is_new = new[0] <= stored[0]
    for (x, y), colour, said, is_left in (
        (stored, OLD, "stored", not left_is_new),
        (new, NEW, "new", left_is_new),
    ):
        canvas.add(Dot(axes.x(x), axes.y(y), 5.5, colour))
        canvas.add(_beside(axes.x(x), axes.y(y), said, colour, is_left))


def _beside(x: float, y: float, said: str, colour: str, is_left: bool) -> Text:
    return Text(
        x - 6 if is_left else x + 8,
        y - 9,
        said,
        12,
        colour,
        "end" if is_left else "start",
        bold=True,
    )


def _upright(canvas: Canvas, axes: Axes, value: float, colour: str, said: str, anchor: str) -> None:
    x = axes.x(value)
    canvas.add(
        Line(((x, axes.top), (x, axes.top + axes.height)), colour, 1.5, dashed=colour == OLD)
    )
    shift, side = (-5, "end") if anchor == "end" else (5, "start")
    canvas.add(
        Text(x + shift, axes.top + 12, said, 11, colour, "end" if side == "end" else "start")
    )


def _short(count: int) -> str:
    size, unit = next(each for each in _UNITS if count >= each[0])
    return f"{count / size:g}{unit}"
