"""The picture of a comparison: every score of A against B's, and how far they move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_edge.analysis.paired_scores import Comparison, PairedScore
from qc_edge.analysis.replay_plot import NEW, OLD, PASS
from qc_edge.plot.axes import Axes, nice
from qc_edge.plot.canvas import Canvas, Dot, Line, Rectangle, Text

_MARGIN, _TOP, _SIDE, _GAP, _WIDTH = 64, 84, 420, 96, 440
_DOTS = 5000
"""More of one colour are thinned out, evenly over time."""
_BINS = 41


@dataclass(frozen=True, slots=True)
class PlotLabels:
    """What the picture calls things: its title, the two sides, and their thresholds where each has
    one.
    """

    title: str
    a: str
    b: str
    threshold_a: float | None
    threshold_b: float | None


def comparison_picture(names: PlotLabels, found: Comparison) -> Canvas:
    """A scatter of the scores, flips in colour, and a histogram of the differences, counts
    logarithmic.
    """
    canvas = Canvas(_MARGIN + _SIDE + _GAP + _WIDTH + 32, _TOP + _SIDE + 60, names.title)
    canvas.add(Text(_MARGIN, 26, names.title, 17, "#111827", bold=True))
    flips = found.verdicts.flips
    canvas.add(
        Text(
            _MARGIN, 44, f"{len(found.pairs):,} inputs scored by both, {flips:,} verdicts flip", 12
        )
    )
    _scatter(canvas, names, found.pairs)
    _histogram(canvas, found)
    return canvas


def _scatter(canvas: Canvas, names: PlotLabels, pairs: Sequence[PairedScore]) -> None:
    axes = Axes(canvas, _MARGIN, _TOP, _SIDE, _SIDE, 1.0, 1.0)
    fifths = [(number / 5, f"{number / 5:g}") for number in range(6)]
    axes.draw("", f"score by {names.a}", f"score by {names.b}", fifths, fifths)
    canvas.line([(axes.x(0), axes.y(0)), (axes.x(1), axes.y(1))], OLD, dashed=True)
    for flipped, colour, radius in ((False, PASS, 2), (True, NEW, 3)):
        shown = [pair for pair in pairs if pair.flips == flipped]
        for pair in shown[:: 1 + len(shown) // _DOTS]:
            canvas.add(Dot(axes.x(pair.a), axes.y(pair.b), radius, colour, 0.55))
    if names.threshold_a is not None:
        x = axes.x(names.threshold_a)
        canvas.line([(x, axes.top), (x, axes.top + axes.height)], OLD, 1.5)
        canvas.add(Text(x + 5, axes.top + 12, f"A {names.threshold_a:g}", 11, OLD))
    if names.threshold_b is not None:
        y = axes.y(names.threshold_b)
        canvas.line([(axes.left, y), (axes.left + axes.width, y)], NEW, 1.5)
        canvas.add(Text(axes.left + axes.width, y - 5, f"B {names.threshold_b:g}", 11, NEW, "end"))


def _histogram(canvas: Canvas, found: Comparison) -> None:
    """Differences from -limit to +limit, in bins of which the middle one holds what hardly
    moved.
    """
    largest = found.moved.largest if found.moved else 0.0
    limit = nice(largest) if largest else 1e-6
    counts, _ = np.histogram(found.moves, bins=_BINS, range=(-limit, limit))
    decades = max(1, math.ceil(math.log10(int(counts.max()) + 1)))
    axes = Axes(canvas, _MARGIN + _SIDE + _GAP, _TOP, _WIDTH, _SIDE, 2.0, float(decades))
    # the axes begin at 0: a difference stands at 1 + difference / limit
    ticks = [
        (1 + part, f"{part * limit:+.3g}" if part else "0") for part in (-1.0, -0.5, 0.0, 0.5, 1.0)
    ]
    heights = [(float(power), f"{10**power:,}") for power in range(decades + 1)]
    axes.draw("", "B's score less A's", "inputs, logarithmic", ticks, heights)
    low, width = axes.top + axes.height, axes.width / _BINS
    for number, count in enumerate(counts.tolist()):
        if count:
            top = axes.y(math.log10(count) if count > 1 else 0.08)
            canvas.add(Rectangle(axes.left + number * width, top, width * 0.9, low - top, PASS))
    middle = axes.x(1.0)
    canvas.add(Line(((middle, axes.top), (middle, low)), OLD, 1.0, dashed=True))
