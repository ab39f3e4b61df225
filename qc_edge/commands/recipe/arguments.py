"""Arguments that the verbs of `qc-edge recipe` share."""

from __future__ import annotations

from typing import Annotated

import typer

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="The recipe's name.", show_default=False)
]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="The recipe's name, or RECIPE@REVISION; the newest revision if left out.",
        show_default=False,
    ),
]
Wanted = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="Its name, its number, RECIPE@REVISION, or [bold]station[/bold] for the settings.",
        show_default=False,
    ),
]
Number = Annotated[
    int | None,
    typer.Option(
        "--number", metavar="N", help="What the line calls it by, 0..65535.", show_default=False
    ),
]
Product = Annotated[
    str | None,
    typer.Option("--product", metavar="TEXT", help="What is inspected.", show_default=False),
]
