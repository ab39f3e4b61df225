"""A pair of axes on a canvas: values to pixels, ticks, grid and names. Knows nothing of scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.plot.canvas import Canvas, Line, Text

GRID_COLOUR, FRAME_COLOUR, TITLE_COLOUR = "#e5e7eb", "#9ca3af", "#111827"

Ticks = Sequence[tuple[float, str]]
"""Where the ticks stand (in the axis' own unit) and what is written at them."""


@dataclass(frozen=True, slots=True)
class Axes:
    """A field of the canvas that shows values from 0 to `x_max` by 0 to `y_max` (both > 0).

    `left`, `top`, `width` and `height` are its place on the canvas in pixels.
    """

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float
    x_max: float
    y_max: float

    def x(self, value: float) -> float:
        """Pixels from the canvas' left edge; a value outside the field is put on its border."""
        return self.left + self.width * min(max(value / self.x_max, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Pixels from the canvas' top edge; a value outside the field is put on its border."""
        return self.top + self.height * (1 - min(max(value / self.y_max, 0.0), 1.0))

    def draw(self, title: str, x_name: str, y_name: str, x_ticks: Ticks, y_ticks: Ticks) -> None:
        """Draw the title, the axes' names, the grid and the ticks."""
        canvas, bottom, right = self.canvas, self.top + self.height, self.left + self.width
        canvas.add(Text(self.left, self.top - 24, title, 14, TITLE_COLOUR, bold=True))
        for value, text in y_ticks:
            y = self.y(value)
            canvas.add(Line(((self.left, y), (right, y)), GRID_COLOUR))
            canvas.add(Text(self.left - 8, y + 4, text, 11, anchor="end"))
        for value, text in x_ticks:
            x = self.x(value)
            canvas.add(Line(((x, bottom), (x, bottom + 4)), FRAME_COLOUR))
            canvas.add(Text(x, bottom + 18, text, 11, anchor="middle"))
        canvas.add(Line(((self.left, bottom), (right, bottom)), FRAME_COLOUR))
        canvas.add(Text(self.left + self.width / 2, bottom + 36, x_name, 12, anchor="middle"))
        canvas.add(Text(self.left - 8, self.top - 8, y_name, 12))


def percent_ticks(limit: float) -> list[tuple[float, str]]:
    """About four ticks from 0 to `limit` (a share, 0..1), written as percentages."""
    step = round_up(limit / 4)
    # 1e-9: 0.3 / 0.1 is a little less than 3, and its last tick would be lost
    count = int(limit / step + 1e-9) + 1
    return [(number * step, f"{100 * number * step:g} %") for number in range(count)]


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten, at or above `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    nearly = value * (1 - 1e-9)  # 0.2 / 0.1 and the like come out a little too large
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= nearly)
