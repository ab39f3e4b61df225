"""The picture of a comparison: every score of A against B's, and how far they move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qc_edge.analysis.comparison.pairs import PairedScores
from qc_edge.analysis.plot_style import (
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
from qc_edge.plot.axes import Axes, round_up
from qc_edge.plot.canvas import Canvas, Line, Rectangle, Text

_HEIGHT, _SCATTER_WIDTH, _HISTOGRAM_WIDTH = 420, 420, 440
"""Pixels of the two fields."""

_BINS = 41
"""An odd number, so that the middle bin holds what hardly moved."""


@dataclass(frozen=True, slots=True)
class PlotLabels:
    """The picture's title, the names of the two sides, and the threshold of each, if it has just
    one.
    """

    title: str
    a: str
    b: str
    threshold_a: float | None
    threshold_b: float | None


def plot_comparison(labels: PlotLabels, scores: PairedScores) -> Canvas:
    """A scatter of the scores with flips in colour, and a histogram of the moves with logarithmic
    counts.
    """
    width = MARGIN_LEFT + _SCATTER_WIDTH + GAP + _HISTOGRAM_WIDTH + 32
    canvas = Canvas(width, MARGIN_TOP + _HEIGHT + 60, labels.title)
    _scatter(canvas, labels, scores)
    _histogram(canvas, scores)
    return canvas


def _scatter(canvas: Canvas, labels: PlotLabels, scores: PairedScores) -> None:
    axes = Axes(canvas, MARGIN_LEFT, MARGIN_TOP, _SCATTER_WIDTH, _HEIGHT, 1.0, 1.0)
    flip_count = scores.verdicts.flips
    add_heading(
        axes,
        labels.title,
        f"{len(scores.pairs):,} inputs scored by both, {flip_count:,} verdicts flip",
    )
    axes.draw("", f"score by {labels.a}", f"score by {labels.b}", SCORE_TICKS, SCORE_TICKS)
    add_diagonal(axes)
    for flips, colour, radius in ((False, PASS_COLOUR, 2), (True, NEW_COLOUR, 3)):
        shown = [(pair.a, pair.b) for pair in scores.pairs if pair.flips == flips]
        add_scores(axes, shown, colour, radius)
    if labels.threshold_a is not None:
        x = axes.x(labels.threshold_a)
        canvas.line([(x, axes.top), (x, axes.top + axes.height)], OLD_COLOUR, 1.5)
        canvas.add(Text(x + 5, axes.top + 12, f"A {labels.threshold_a:g}", 11, OLD_COLOUR))
    if labels.threshold_b is not None:
        add_horizontal(axes, labels.threshold_b, f"B {labels.threshold_b:g}")


def _histogram(canvas: Canvas, scores: PairedScores) -> None:
    largest = scores.shift.largest if scores.shift else 0.0
    limit = round_up(largest) if largest else 1e-6  # a field for scores that do not move at all
    counts, _ = np.histogram(scores.moves, bins=_BINS, range=(-limit, limit))
    highest = decades(int(counts.max()))
    left = MARGIN_LEFT + _SCATTER_WIDTH + GAP
    axes = Axes(canvas, left, MARGIN_TOP, _HISTOGRAM_WIDTH, _HEIGHT, 2.0, float(highest))
    # Axes begin at 0, moves at -limit: a move stands at 1 + move / limit.
    ticks = [
        (1 + part, f"{part * limit:+.3g}" if part else "0") for part in (-1.0, -0.5, 0.0, 0.5, 1.0)
    ]
    heights = [(float(power), f"{10**power:,}") for power in range(highest + 1)]
    axes.draw("", "B's score less A's", "inputs, logarithmic", ticks, heights)
    bottom, width = axes.top + axes.height, axes.width / _BINS
    for number, count in enumerate(counts.tolist()):
        if count:
            top, bar_left = axes.y(bar_height(count)), axes.left + number * width
            canvas.add(Rectangle(bar_left, top, width * 0.9, bottom - top, PASS_COLOUR))
    middle = axes.x(1.0)
    canvas.add(Line(((middle, axes.top), (middle, bottom)), OLD_COLOUR, 1.0, dashed=True))
