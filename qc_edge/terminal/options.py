"""Parameters and consoles that the commands share, so that all spell them alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qc_edge.errors import UsageError

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The station's name.", show_default=False)
]
MaybeName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="The station's name; all stations if left out.", show_default=False
    ),
]


def _usable_root(root: Path) -> Path:
    """`root`, if a log can be under it."""
    # DuckDB puts the name of its write-ahead log together in front of the first "?" of a path.
    if "?" in str(root.absolute()):
        raise UsageError(
            f"--root {root}: DuckDB can open no path with a question mark in it",
            hint="expected a directory without one",
        )
    return root


Root = Annotated[
    Path,
    typer.Option(
        "--root",
        metavar="DIR",
        callback=_usable_root,
        help="Live under this prefix instead of [bold]/[/bold].",
    ),
]
OfStation = Annotated[
    str | None,
    typer.Option("--station", metavar="NAME", help="With this station's settings and calibration."),
]
OfCamera = Annotated[
    str | None,
    typer.Option(
        "--camera", metavar="CAM", help="As a frame of this camera, or of [bold]incoming[/bold]."
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="WHO",
        help="Who answers for it; left out: who is logged in.",
        show_default=False,
    ),
]
Why = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, for scripts.", show_default=False)
]

DEFAULT_ROOT = Path("/")


def out() -> Console:
    """The console for results. Made when it is used, so that tests may replace stdout."""
    return Console(soft_wrap=True, highlight=False)


def print_json(values: Mapping[str, object] | Sequence[object]) -> None:
    """`values` as JSON on stdout, one object, times and paths as text."""
    sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")


def who_asks(by: str | None) -> str:
    """The value of --by; left out, the person who has logged in. Raises UsageError where nobody
    knows who that is.
    """
    from qc_edge.recipe.attribution import person_at_the_terminal

    who = person_at_the_terminal() if by is None else by
    if who is None:
        raise UsageError(
            "--by is missing, and no person is logged in whose name could be taken",
            hint="--by WHO",
        )
    return who
