"""`qc-edge model shadow`: how the shadow of a station agrees with the model that judges."""

from __future__ import annotations

from typing import Annotated

from qc_edge.terminal.history_options import (
    Cameras,
    Database,
    ListLimit,
    PairsCsv,
    Plot,
    Since,
    Until,
    text_option,
)
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

Shadow = Annotated[
    str | None,
    text_option(
        "--model",
        metavar="NAME@VERSION",
        help="This shadow, if there were several; else the last.",
    ),
]


def command(
    station: Name,
    since: Since = None,
    until: Until = None,
    model: Shadow = None,
    camera: Cameras = None,
    plot: Plot = None,
    csv: PairsCsv = None,
    limit: ListLimit = 20,
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
    from qc_edge.analysis.comparison.shadow import compare_shadow
    from qc_edge.analysis.output_files import OutputFiles
    from qc_edge.analysis.selection import parse_selection
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.tables import print_result

    paths = StationPaths(root.absolute(), station)
    load_settings(paths.settings)
    result = compare_shadow(
        paths,
        # --model is not part of it: there it would be the model that judged
        parse_selection(since, until, cameras=camera or ()),
        model,
        outputs=OutputFiles(plot, csv),
        limit=limit,
        database=database,
    )
    if as_json:
        print_json(result.to_json_values())
    else:
        print_result(
            out(), warnings=result.warnings, tables=result.tables(), footnotes=result.footnotes
        )
