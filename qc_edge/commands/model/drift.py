"""`qc-edge model drift`: has the line left what its model was trained on?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

Since = Annotated[
    str,
    typer.Option(
        "--since", metavar="TIME", help="UTC, or an age: [bold]7d[/bold], [bold]36h[/bold]."
    ),
]


def drift_command(
    name: Name, since: Since = "7d", root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Tell whether accepted parts have left what the model was trained on, and which to label.

    Focus, brightness, contrast and score of the parts that PASSed, against the range of the good
    pictures that the bundle's report has (of [bold]qc-edge train[/bold]). Exit code 1 if a figure
    has left it. A running station says the same by itself, as an event and in its status.

    [dim]Examples:[/dim]
      [bold]qc-edge model drift line1[/bold]
      [bold]qc-edge model drift line1 --since 36h --json[/bold]
    """
    from qc_edge.analysis.beyond_learnt import beyond_learnt
    from qc_edge.domain.moment import parse_since
    from qc_edge.errors import UsageError
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths

    found = beyond_learnt(StationPaths(root.absolute(), name), parse_since(since, utc_now()))
    if found is None:
        raise UsageError(f"no frame was judged since {since}", hint="--since 30d looks further")
    if as_json:
        values = asdict(found) | {"to_label": found.to_label}
        print_json(values | {"beyond": [each.name for each in found.beyond]})
    else:
        console = out()
        if not found.figures:
            console.print(f"{found.bundle} does not say what it was trained on", markup=False)
        for each in found.figures:
            mark = "LEFT " if each.is_beyond else "  ok "
            console.print(f"{mark} {each.words} ({each.outside:,} of {each.of:,})", markup=False)
        for frame, part in found.to_label:
            console.print(f"  label {part or frame}", markup=False)
    if found.beyond:
        raise typer.Exit(1)
