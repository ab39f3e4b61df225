"""Options of the commands that look at a station's past, so that all spell them alike.

They only name and describe: what a command does with the texts is parsed in qc_edge.analysis.

typer takes a command's options from the parameters of its function, so those functions have as many
parameters as the command has options. Each groups them into values first (Selection, OutputFiles,
Costs), and nothing below a command takes them one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def text_option(name: str, *, metavar: str, help: str) -> Any:  # noqa: A002 - as typer calls it
    """An option without a default to show."""
    return typer.Option(name, metavar=metavar, help=help, show_default=False)


Since = Annotated[
    str | None, text_option("--from", metavar="TIME", help="Recorded at or after this (UTC).")
]
Until = Annotated[
    str | None, text_option("--to", metavar="TIME", help="Recorded before this (UTC).")
]
RecordedSince = Annotated[
    str | None,
    text_option(
        "--since",
        metavar="TIME",
        help="Recorded since then: UTC, [bold]2026-11-22T14:00[/bold], or an age, "
        "[bold]7d[/bold], [bold]36h[/bold].",
    ),
]
RecordedUntil = Annotated[
    str | None, text_option("--until", metavar="TIME", help="Recorded before then.")
]
Cameras = Annotated[
    list[str] | None,
    text_option("--camera", metavar="CAMERA", help="Only this camera; may be given again."),
]
Plot = Annotated[
    Path | None, text_option("--plot", metavar="FILE", help="Draw it: FILE.svg, .html or .png.")
]
PairsCsv = Annotated[
    Path | None, text_option("--csv", metavar="FILE", help="Every input with both scores.")
]
ListLimit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="List at most so many parts each.")
]
Database = Annotated[
    bool,
    typer.Option("--database", help="Read the database of a stopped station.", show_default=False),
]
