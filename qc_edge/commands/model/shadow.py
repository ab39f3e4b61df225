"""`qc-edge model shadow`: how the shadow of a station agrees with the model that judges."""

from __future__ import annotations

from typing import Annotated

import typer

from qc_edge.commands.model.compare import Csv, Database, From, Limit, Plot, To, print_answer
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, print_json

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME@VERSION",
        help="This shadow, if there were several; else the last.",
        show_default=False,
    ),
]
Camera = Annotated[
    list[str] | None,
    typer.Option(
        "--camera",
        metavar="CAMERA",
        help="Only this camera; may be given again.",
        show_default=False,
    ),
]


def command(
    station: Name,
    since: From = None,
    until: To = None,
    model: Model = None,
    camera: Camera = None,
    plot: Plot = None,
    csv: Csv = None,
    limit: Limit = 20,
    database: Database = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Hold the shadow of a station against the model that judges: agreement, flips, who is right.

    The shadow is a second bundle, shadow.bundle of the settings, that scores the same frames after
    the line was told and changes nothing. Here are the verdicts of both, each by its own threshold,
    McNemar's exact test of whether one FAILs more often, and where people have labelled the parts,
    which one is right more often. It reads what the station publishes, also while it runs.

    [dim]Examples:[/dim]
      [bold]qc-edge model shadow line1[/bold]
      [bold]qc-edge model shadow line1 --from 2026-11-01 --plot shadow.html[/bold]
    """
    from qc_edge.analysis.comparison import ComparisonOptions
    from qc_edge.analysis.shadow_comparison import ask_shadow
    from qc_edge.domain.history import Selection
    from qc_edge.recipe.threshold_change import parse_moment
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), station)
    load_settings(paths.settings)
    begin, end = (parse_moment(text) if text else None for text in (since, until))
    selection = Selection(begin, end, None, tuple(camera or ()))
    answer = ask_shadow(
        paths, selection, model, ComparisonOptions(limit, plot, csv), database=database
    )
    if as_json:
        print_json(answer.told())
    else:
        print_answer(answer)
