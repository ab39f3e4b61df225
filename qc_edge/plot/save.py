"""Write a picture where a person wants it: SVG, one self-contained HTML page, or PNG through
matplotlib.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from qc_edge.errors import StoreError, UsageError
from qc_edge.plot.canvas import Canvas, Dot, Line, Rectangle
from qc_edge.store.durable import write_file

KINDS = (".svg", ".html", ".png")

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #111827;
       margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
svg {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; margin: 1.5rem 0; }}
th, td {{ padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #e5e7eb; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head><body>
{picture}
{tables}
</body></html>
"""

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings and rows."""


def must_be_writable(file: Path) -> None:
    """Before the work is done: raises UsageError for another kind of file, StoreError for a bad
    place.
    """
    if file.suffix.lower() not in KINDS:
        raise UsageError(
            f"cannot draw {file}: its kind is unknown", hint=f"one of {', '.join(KINDS)}"
        )
    if not file.absolute().parent.is_dir():
        raise StoreError(
            f"{file.absolute().parent} is no directory", hint="make it first, or name another"
        )
    if file.suffix.lower() == ".png":
        _matplotlib()


def save(canvas: Canvas, file: Path, tables: Mapping[str, Table]) -> None:
    """Write the picture as the kind that `file` is named; the page shows `tables` below it.

    Raises UsageError or StoreError.
    """
    must_be_writable(file)
    kind = file.suffix.lower()
    if kind == ".png":
        content = _png(canvas)
    elif kind == ".svg":
        content = canvas.svg().encode()
    else:
        shown = "\n".join(_table(title, *table) for title, table in tables.items())
        content = _PAGE.format(
            title=escape(canvas.title), picture=canvas.svg(), tables=shown
        ).encode()
    write_file(file, content)


def _table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f"<h2>{escape(title)}</h2>\n{table}"


def _matplotlib() -> Any:
    try:
        figure = importlib.import_module("matplotlib.figure")
        importlib.import_module("matplotlib.backends.backend_agg")
    except ImportError:
        raise UsageError(
            "a PNG needs matplotlib, which is not installed",
            hint="pip install 'qc-edge[plots]', or name the file .svg or .html, which need nothing",
        ) from None
    return figure


def _png(canvas: Canvas) -> bytes:
    """The same marks by matplotlib, twice as fine as on a screen."""
    figure = _matplotlib().Figure(figsize=(canvas.width / 100, canvas.height / 100), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, canvas.width), ylim=(canvas.height, 0))
    axes.set_axis_off()
    patches = importlib.import_module("matplotlib.patches")
    points = 0.72  # of a hundredth of an inch
    for depth, mark in enumerate(canvas.marks):
        if isinstance(mark, Rectangle):
            axes.add_patch(
                patches.Rectangle(
                    (mark.x, mark.y),
                    mark.width,
                    mark.height,
                    color=mark.fill,
                    alpha=mark.opacity,
                    lw=0,
                    zorder=depth,
                )
            )
        elif isinstance(mark, Dot):
            axes.add_patch(
                patches.Circle(
                    (mark.x, mark.y),
                    mark.radius,
                    color=mark.fill,
                    alpha=mark.opacity,
                    lw=0,
                    zorder=depth,
                )
            )
        elif isinstance(mark, Line):
            xs, ys = zip(*mark.points, strict=True)
            style = (0, (5, 4)) if mark.dashed else "-"
            axes.plot(xs, ys, color=mark.colour, lw=mark.width * points, ls=style, zorder=depth)
        else:
            axes.text(
                mark.x,
                mark.y,
                mark.text,
                fontsize=mark.size * points,
                color=mark.colour,
                va="baseline",
                ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor],
                fontweight="bold" if mark.bold else "normal",
                zorder=depth,
            )
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return drawn.getvalue()
