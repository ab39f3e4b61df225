"""Colours, sizes and pieces that the pictures of replays and comparisons share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qc_edge.plot.axes import Axes
from qc_edge.plot.canvas import Dot, Text

PASS_COLOUR, FAIL_COLOUR, OLD_COLOUR, NEW_COLOUR = "#3b82f6", "#f97316", "#6b7280", "#dc2626"
TITLE_COLOUR = "#111827"

MARGIN_LEFT, MARGIN_TOP, GAP = 64, 84, 96
"""Pixels left of the first field, above the fields, and between two of them."""

_DOTS_MAX = 5000
"""Dots of one colour in a scatter; of more, evenly spaced ones in time are drawn."""

_SINGLE_COUNT_HEIGHT = 0.08
"""How high a bar of one part stands on a logarithmic axis (decades), where log10(1) would be 0."""

SCORE_TICKS = [(number / 5, f"{number / 5:g}") for number in range(6)]
"""Ticks of an axis of scores (0..1)."""


def add_heading(axes: Axes, title: str, subtitle: str, remark: str = "") -> None:
    """The picture's title, a line of figures and perhaps a remark below it, over its first
    field.
    """
    axes.canvas.add(Text(MARGIN_LEFT, 26, title, 17, TITLE_COLOUR, bold=True))
    axes.canvas.add(Text(MARGIN_LEFT, 44, subtitle, 12))
    if remark:
        axes.canvas.add(Text(MARGIN_LEFT, 60, remark, 12))


def add_diagonal(axes: Axes) -> None:
    """The dashed line of equal scores on axes of 0..1 by 0..1."""
    axes.canvas.line([(axes.x(0), axes.y(0)), (axes.x(1), axes.y(1))], OLD_COLOUR, dashed=True)


def add_scores(
    axes: Axes, points: Sequence[tuple[float, float]], colour: str, radius: float
) -> None:
    """Dots at (score to the right, score upwards), in order of time."""
    # Each dot is an element of the SVG, which a browser keeps in memory.
    step = 1 + len(points) // _DOTS_MAX
    for x, y in points[::step]:
        axes.canvas.add(Dot(axes.x(x), axes.y(y), radius, colour, 0.55))


def add_horizontal(axes: Axes, value: float, text: str) -> None:
    """A threshold on the upright axis, with `text` at its right end."""
    y, right = axes.y(value), axes.left + axes.width
    axes.canvas.line([(axes.left, y), (right, y)], NEW_COLOUR, 1.5)
    axes.canvas.add(Text(right, y - 5, text, 11, NEW_COLOUR, "end"))


def decades(count: int) -> int:
    """How many decades a logarithmic axis needs for counts up to `count`; at least one."""
    return max(1, math.ceil(math.log10(count + 1)))


def bar_height(count: int) -> float:
    """The height of a bar of `count` (at least 1) on a logarithmic axis, in decades."""
    return math.log10(count) if count > 1 else _SINGLE_COUNT_HEIGHT
