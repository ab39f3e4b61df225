"""`qc-edge dispute`: say that a verdict or a label is doubtful, so that somebody looks again."""

from __future__ import annotations

from typing import Annotated

import typer

from qc_edge.commands.label import By, RoleName, Target, tell
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, who_asks

Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why.", show_default=False)]


def command(
    name: Name,
    target: Target,
    why: Why,
    by: By = None,
    role: RoleName = "operator",
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Say that a verdict or a label is doubtful. Nothing is changed: somebody is to look again.

    The part goes to the front of the review queue until somebody of the same role or a higher one
    labels it. Neither its verdict nor what the line was told changes, and its evidence is kept.

    [dim]Examples:[/dim]
      [bold]qc-edge dispute line1 48213 --by anna --why "burr at the edge"[/bold]
    """
    from qc_edge.domain.label import PersonRole
    from qc_edge.labels import dispute
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    who = who_asks(by)
    act_as_owner(paths.state)
    tell(name, dispute(paths, target, who, why, PersonRole(role)), paths, as_json=as_json)
