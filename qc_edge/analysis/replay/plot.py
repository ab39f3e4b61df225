"""The pictures of a replay: where the scores lie, what thresholds cost, how a model scores."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.analysis.operating_curve import OperatingPoint
from qc_edge.analysis.plot_style import (
    FAIL_COLOUR,
    GAP,
    MARGIN_LEFT,
    MARGIN_TOP,
    NEW_COLOUR,
    OLD_COLOUR,
    PASS_COLOUR,
    SCORE_TICKS,
    add_diagonal,
    add_heading,
    add_horizontal,
    add_scores,
    bar_height,
    decades,
)
from qc_edge.analysis.replay.scoring import RescoredPart
from qc_edge.analysis.replay.threshold_impact import ThresholdImpact
from qc_edge.analysis.replay.thresholds_then import describe_thresholds
from qc_edge.plot.axes import Axes, percent_ticks, round_up
from qc_edge.plot.canvas import Anchor, Canvas, Dot, Line, Rectangle, Text
from qc_edge.query.past.history import BINS

_WIDTH, _HEIGHT = 440, 270
"""Pixels of each field of a threshold's picture."""

_SCATTER_SIDE = 420

_LABEL_WIDTH, _LEGEND_WIDTH = 66, 104
"""Pixels that the text beside a threshold takes at most, and the legend of the bars."""

_THRESHOLDS_MAX = 4
"""Of the thresholds that judged, so many are drawn."""

Histogram = tuple[Sequence[int], Sequence[int]]
"""Parts stored as PASS and as FAIL in each of BINS equal bins of the score (0..1)."""


def plot_threshold_replay(
    station: str, impact: ThresholdImpact, histogram: Histogram, curve: Sequence[OperatingPoint]
) -> Canvas:
    """The histogram of the scores with both thresholds, and the operating curve if there is one."""
    width = MARGIN_LEFT + _WIDTH + (GAP + _WIDTH if curve else 0) + 32
    canvas = Canvas(width, MARGIN_TOP + _HEIGHT + 60, f"{station}: replay")
    change = describe_change(impact)
    highest = decades(max(map(sum, zip(*histogram, strict=True)), default=0))
    axes = Axes(canvas, MARGIN_LEFT, MARGIN_TOP, _WIDTH, _HEIGHT, 1.0, float(highest))
    add_heading(
        axes,
        f"{station}: threshold {change}",
        f"{impact.totals.inspections:,} inspections, {impact.flip_count:,} verdicts turn",
        _then(impact),
    )
    ticks = [(float(power), _short(10**power)) for power in range(highest + 1)]
    axes.draw("", "score (higher is worse)", "parts, logarithmic", SCORE_TICKS, ticks)
    _add_bars(axes, histogram)
    _add_thresholds(axes, impact)
    if curve:
        _add_operating_curve(canvas, impact, curve)
    return canvas


def describe_change(impact: ThresholdImpact) -> str:
    """`0.5 → 0.42`; with several thresholds then, only the new one, as there is no one before."""
    before = impact.threshold_before
    if before is None or describe_thresholds(impact.thresholds_then):
        return f"{impact.threshold:g}"
    return f"{before:g} → {impact.threshold:g}"


def plot_model_replay(
    station: str, model: str, rescored: Sequence[RescoredPart], impact: ThresholdImpact
) -> Canvas:
    """Every re-scored part: the stored score to the right, the new one upwards, flips in colour."""
    after = impact.threshold
    title, side = f"{station}: {model}", _SCATTER_SIDE
    canvas = Canvas(MARGIN_LEFT + side + 40, MARGIN_TOP + side + 60, title)
    flipped = sum(part.flips(after) for part in rescored)
    axes = Axes(canvas, MARGIN_LEFT, MARGIN_TOP, side, side, 1.0, 1.0)
    add_heading(
        axes,
        title,
        f"{len(rescored):,} parts scored again, {flipped:,} verdicts turn",
        _then(impact),
    )
    axes.draw("", "stored score", f"score by {model}", SCORE_TICKS, SCORE_TICKS)
    add_diagonal(axes)
    for flips, colour, radius in ((False, PASS_COLOUR, 2), (True, NEW_COLOUR, 3)):
        shown = [part for part in rescored if part.flips(after) == flips]
        add_scores(axes, [(part.part.score, part.new_score) for part in shown], colour, radius)
    for number, old in enumerate(_thresholds_before(impact) or [after]):
        _add_vertical(axes, old, OLD_COLOUR, f"stored {old:g}", "start", number)
    add_horizontal(axes, after, f"new {after:g}")
    return canvas


def _add_bars(axes: Axes, histogram: Histogram) -> None:
    """FAIL stands on PASS. With a logarithmic axis that is: the sum first, PASS drawn over it."""
    width, bottom, right = axes.width / BINS, axes.top + axes.height, axes.left + axes.width
    for number, (passed, failed) in enumerate(zip(*histogram, strict=True)):
        for count, colour in ((passed + failed, FAIL_COLOUR), (passed, PASS_COLOUR)):
            if count:
                top, left = axes.y(bar_height(count)), axes.left + number * width
                axes.canvas.add(Rectangle(left, top, width * 0.9, bottom - top, colour))
    legend = (("PASS as stored", PASS_COLOUR), ("FAIL as stored", FAIL_COLOUR))
    for row, (text, colour) in enumerate(legend):
        axes.canvas.add(Rectangle(right - _LEGEND_WIDTH, axes.top + 6 + 18 * row, 11, 11, colour))
        axes.canvas.add(Text(right - 88, axes.top + 16 + 18 * row, text, 11))


def _add_thresholds(axes: Axes, impact: ThresholdImpact) -> None:
    """Both thresholds, their texts on the outer sides so that near ones do not cover each other."""
    after, old = impact.threshold, _thresholds_before(impact)
    _, new_side = _sides(old_is_left=not old or old[-1] <= after)
    for number, before in enumerate(old):
        side, _ = _sides(old_is_left=before <= after)
        _add_vertical(axes, before, OLD_COLOUR, f"stored {before:g}", side, number)
    _add_vertical(axes, after, NEW_COLOUR, f"new {after:g}", new_side)


def _add_operating_curve(
    canvas: Canvas, impact: ThresholdImpact, curve: Sequence[OperatingPoint]
) -> None:
    stored = (impact.before.overkill.value or 0.0, impact.before.escapes.value or 0.0)
    new = (impact.after.overkill.value or 0.0, impact.after.escapes.value or 0.0)
    # Both points lie in the lower left half of the field; 1 % at least, so that a good model's
    # curve is more than a corner.
    x_max, y_max = (
        min(1.0, round_up(max(0.01, 2 * max(stored[axis], new[axis])))) for axis in (0, 1)
    )
    left = MARGIN_LEFT + _WIDTH + GAP
    axes = Axes(canvas, left, MARGIN_TOP, _WIDTH, _HEIGHT, x_max, y_max)
    axes.draw(
        "",
        f"overkill, of {impact.after.overkill.of:,} labelled good",
        f"escapes, of {impact.after.escapes.of:,} labelled defects",
        percent_ticks(x_max),
        percent_ticks(y_max),
    )
    # To a tenth of a pixel and each place once: a curve of many labels stays small as SVG.
    line = dict.fromkeys(
        (round(axes.x(point.overkill_rate), 1), round(axes.y(point.escape_rate), 1))
        for point in curve
        if point.overkill_rate <= x_max and point.escape_rate <= y_max
    )
    if line:
        canvas.line(list(line), PASS_COLOUR, 2)
    old_side, new_side = _sides(old_is_left=new[0] > stored[0])
    for (x, y), colour, text, side in (
        (stored, OLD_COLOUR, "stored", old_side),
        (new, NEW_COLOUR, "new", new_side),
    ):
        canvas.add(Dot(axes.x(x), axes.y(y), 5.5, colour))
        shift = -6 if side == "end" else 8
        canvas.add(Text(axes.x(x) + shift, axes.y(y) - 9, text, 12, colour, side, bold=True))


def _sides(old_is_left: bool) -> tuple[Anchor, Anchor]:
    """Anchors of the texts for the old and the new value: the left one's text ends at it."""
    return ("end", "start") if old_is_left else ("start", "end")


def _then(impact: ThresholdImpact) -> str:
    then = describe_thresholds(impact.thresholds_then, impact.zone)
    return f"thresholds then: {then} ({impact.zone})" if then else ""


def _thresholds_before(impact: ThresholdImpact) -> list[float]:
    """The thresholds that judged, each once, the last one at the end; of many, the last few."""
    values = [span.threshold for span in impact.thresholds_then] or (
        [] if impact.threshold_before is None else [impact.threshold_before]
    )
    return list(dict.fromkeys(reversed(values)))[:_THRESHOLDS_MAX][::-1]


def _add_vertical(
    axes: Axes, value: float, colour: str, text: str, side: Anchor, line: int = 0
) -> None:
    """A threshold on the level axis, with `text` beside it on that line, so that near ones do not
    cover each other.
    """
    x, bottom = axes.x(value), axes.top + axes.height
    axes.canvas.add(Line(((x, axes.top), (x, bottom)), colour, 1.5, dashed=colour == OLD_COLOUR))
    if side == "end" and x - axes.left < _LABEL_WIDTH:
        side = "start"  # else it would stand among the ticks of the other axis
    if side == "start" and x > axes.left + axes.width - _LEGEND_WIDTH - _LABEL_WIDTH:
        line += 3  # below the legend
    shift = -5 if side == "end" else 5
    axes.canvas.add(Text(x + shift, axes.top + 12 + 14 * line, text, 11, colour, side))


def _short(count: int) -> str:
    """A power of ten as an axis shows it: 1, 10, 1k, 1M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:g}{unit}"
    return f"{count:g}"
