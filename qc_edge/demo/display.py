"""Shows the demo: a full screen on a terminal, plain lines elsewhere, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.live import Live

from qc_edge.demo.screen import draw, draw_line
from qc_edge.demo.view import Phase, View
from qc_edge.store.durable import write_file

_LINE_EVERY_S = 5.0
_SVG_SIZE = (120, 36)


class Display(Protocol):
    """What the demo shows itself on; called several times a second, by the main thread."""

    def show(self, view: View) -> None:
        """Show the demo as it is now."""


class NoDisplay:
    """Shows nothing: with --json nothing but the result is printed."""

    def show(self, view: View) -> None:
        """Show nothing."""


class LineDisplay:
    """Prints a plain line when the phase changes, and every few seconds while parts are inspected.

    For pipes and files, where an escape sequence would be garbage.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase: Phase | None = None
        self._next = 0.0

    def show(self, view: View) -> None:
        """Print a line if it is time for one."""
        if view.phase is not self._phase:
            self._phase = view.phase
            self._console.print(f"{view.phase} ...", markup=False, highlight=False)
        if view.phase is Phase.RUNNING and view.done >= self._next:
            self._next += _LINE_EVERY_S
            line = f"{view.done:5.0f} s  {draw_line(view)}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class ScreenDisplay:
    """Draws on the terminal's alternate screen; what was there before comes back at the end."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, view: View) -> None:
        """Draw the whole screen anew."""
        # The size is asked for each time: the window may have been resized.
        console = self._live.console
        colours = console.color_system is not None and not console.no_color
        self._live.update(draw(view, *console.size, colours=colours), refresh=True)


@contextmanager
def display_on(console: Console, *, silent: bool = False) -> Iterator[Display]:
    """The display that suits `console`."""
    if console.is_terminal:
        # No auto_refresh: rich would draw from a thread of its own, and `show` draws often enough.
        with Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False) as live:
            yield ScreenDisplay(live)
    elif silent:
        yield NoDisplay()
    else:
        yield LineDisplay(console)


def save_svg(view: View, file: Path) -> None:
    """The screen of `view` as an SVG that loads nothing from elsewhere."""
    width, height = _SVG_SIZE
    console = Console(
        width=width,
        height=height,
        record=True,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(draw(view, width, height))
    svg = console.export_svg(title="qc-edge demo", unique_id="qc-edge")
    # rich's SVG loads its font from a web server; a README is shown without that.
    without_fonts = re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg)
    write_file(file, without_fonts.encode())
