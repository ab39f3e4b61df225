"""A pair of axes on a canvas: values to pixels, ticks, grid and names. Knows nothing of scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.plot.canvas import Canvas, Line, Text

GRID, FRAME = "#e5e7eb", "#9ca3af"


@dataclass(frozen=True, slots=True)
class Axes:
    """A field of the canvas (in pixels from `left` and `top`) that shows 0..`x_max` by
    0..`y_max`.
    """

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float
    x_max: float
    y_max: float

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return self.left + self.width * min(max(value / self.x_max, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return self.top + self.height * (1 - min(max(value / self.y_max, 0.0), 1.0))

    def draw(
        self,
        title: str,
        x_name: str,
        y_name: str,
        x_ticks: Sequence[tuple[float, str]],
        y_ticks: Sequence[tuple[float, str]],
    ) -> None:
        """Title, names, grid, ticks."""
        canvas, bottom, right = self.canvas, self.top + self.height, self.left + self.width
        canvas.add(Text(self.left, self.top - 24, title, 14, "#111827", bold=True))
        for value, said in y_ticks:
            y = self.y(value)
            canvas.add(Line(((self.left, y), (right, y)), GRID))
            canvas.add(Text(self.left - 8, y + 4, said, 11, anchor="end"))
        for value, said in x_ticks:
            x = self.x(value)
            canvas.add(Line(((x, bottom), (x, bottom + 4)), FRAME))
            canvas.add(Text(x, bottom + 18, said, 11, anchor="middle"))
        canvas.add(Line(((self.left, bottom), (right, bottom)), FRAME))
        canvas.add(Text(self.left + self.width / 2, bottom + 36, x_name, 12, anchor="middle"))
        canvas.add(Text(self.left - 8, self.top - 8, y_name, 12))


def shares(limit: float) -> list[tuple[float, str]]:
    """Ticks from 0 to `limit` as percentages, a few."""
    step = nice(limit / 4)
    return [
        (number * step, f"{100 * number * step:g} %")
        for number in range(int(limit / step + 1e-9) + 1)
    ]


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, ... at or above `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= value * (1 - 1e-9)
    )
