"""A drawing as a list of marks in pixels, and its SVG. Knows nothing of what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
"""x from the left and y from the top, in pixels."""

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled rectangle; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line through two or more points."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle; `x` and `y` are its middle."""

    x: float
    y: float
    radius: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text whose baseline is at `y`; `x` is its start, middle or end by `anchor`."""

    x: float
    y: float
    text: str
    size: float = 12.0
    colour: str = "#374151"
    anchor: Anchor = "start"
    bold: bool = False


Mark = Rectangle | Line | Dot | Text


@dataclass(slots=True)
class Canvas:
    """A white drawing of `width` x `height` pixels. Later marks cover earlier ones."""

    width: int
    height: int
    title: str
    marks: list[Mark] = field(default_factory=list)

    def add(self, *marks: Mark) -> None:
        """Draw `marks` over what is there."""
        self.marks += marks

    def line(
        self, points: Sequence[Point], colour: str, width: float = 1.0, *, dashed: bool = False
    ) -> None:
        """Draw a line through `points` over what is there."""
        self.marks.append(Line(tuple(points), colour, width, dashed))

    def svg(self) -> str:
        """The drawing as one SVG element that refers to nothing outside itself."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" font-family="{escape(FONT)}">'
        )
        body = [
            f"<title>{escape(self.title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
        ]
        return "\n".join([head, *body, *map(_svg, self.marks), "</svg>\n"])


def _svg(mark: Mark) -> str:
    if isinstance(mark, Rectangle):
        return (
            f'<rect x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" '
            f'height="{mark.height:.2f}" '
            f'fill="{mark.fill}" fill-opacity="{mark.opacity:g}"/>'
        )
    if isinstance(mark, Dot):
        return (
            f'<circle cx="{mark.x:.2f}" cy="{mark.y:.2f}" r="{mark.radius:g}" fill="{mark.fill}" '
            f'fill-opacity="{mark.opacity:g}"/>'
        )
    if isinstance(mark, Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
        dashes = ' stroke-dasharray="5 4"' if mark.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
            f'stroke-width="{mark.width:g}" '
            f'stroke-linejoin="round"{dashes}/>'
        )
    weight = ' font-weight="600"' if mark.bold else ""
    return (
        f'<text x="{mark.x:.2f}" y="{mark.y:.2f}" font-size="{mark.size:g}" fill="{mark.colour}" '
        f'text-anchor="{mark.anchor}"{weight}>{escape(mark.text)}</text>'
    )
