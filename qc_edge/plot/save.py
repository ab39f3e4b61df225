"""Writes a canvas to a file: as SVG, as one self-contained HTML page, or as PNG by matplotlib."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qc_edge.errors import StoreError, UsageError
from qc_edge.plot.canvas import Canvas, Dot, Line, Mark, Rectangle
from qc_edge.plot.page import Gallery, Table, page
from qc_edge.store.durable import write_file

KINDS = (".svg", ".html", ".png")

_POINTS_PER_PIXEL = 0.72
"""matplotlib measures lines and type in points, 72 to the inch of 100 pixels."""


def check_plot_path(path: Path) -> None:
    """Refuse a file that could not be written, before the work for it is done.

    Raises UsageError for an ending that is not in KINDS or a missing matplotlib, StoreError for a
    directory that is none.
    """
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"cannot draw {path}: its kind is unknown", hint=f"one of {', '.join(KINDS)}"
        )
    if not path.absolute().parent.is_dir():
        raise StoreError(
            f"{path.absolute().parent} is no directory", hint="make it first, or name another"
        )
    if path.suffix.lower() == ".png":
        _matplotlib_figure()


def save_picture(
    canvas: Canvas,
    path: Path,
    tables: Mapping[str, Table],
    gallery: Callable[[], Gallery] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write the picture in the format of the ending of `path`; a page shows `notes`, `tables` and
    the `gallery`, which is made only for a page.

    Raises UsageError or StoreError.
    """
    check_plot_path(path)
    kind = path.suffix.lower()
    if kind == ".png":
        content = _png(canvas)
    elif kind == ".svg":
        content = canvas.svg().encode()
    else:
        content = page(canvas, tables, gallery() if gallery else None, notes).encode()
    write_file(path, content)


def _matplotlib_figure() -> Any:
    # Its object interface, not pyplot, which keeps every figure in a global list.
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
    size = (canvas.width / 100, canvas.height / 100)  # inches: 100 pixels of the canvas in each
    figure = _matplotlib_figure().Figure(figsize=size, dpi=200)
    # From the top downwards, as the canvas counts.
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, canvas.width), ylim=(canvas.height, 0))
    axes.set_axis_off()
    for depth, mark in enumerate(canvas.marks):
        _draw(axes, mark, depth)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw(axes: Any, mark: Mark, depth: int) -> None:
    """One mark on matplotlib's axes, over those of a smaller `depth`."""
    patches = importlib.import_module("matplotlib.patches")
    if isinstance(mark, Rectangle):
        style = {"color": mark.fill, "alpha": mark.opacity, "lw": 0, "zorder": depth}
        corner = (mark.x, mark.y)
        axes.add_patch(patches.Rectangle(corner, mark.width, mark.height, **style))
    elif isinstance(mark, Dot):
        style = {"color": mark.fill, "alpha": mark.opacity, "lw": 0, "zorder": depth}
        axes.add_patch(patches.Circle((mark.x, mark.y), mark.radius, **style))
    elif isinstance(mark, Line):
        xs, ys = zip(*mark.points, strict=True)
        width = mark.width * _POINTS_PER_PIXEL
        dashes = (0, (5, 4)) if mark.dashed else "-"
        axes.plot(xs, ys, color=mark.colour, lw=width, ls=dashes, zorder=depth)
    else:
        axes.text(
            mark.x,
            mark.y,
            mark.text,
            fontsize=mark.size * _POINTS_PER_PIXEL,
            color=mark.colour,
            va="baseline",
            ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor],
            fontweight="bold" if mark.bold else "normal",
            zorder=depth,
        )
