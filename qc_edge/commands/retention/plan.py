"""`qc-edge retention plan`: what would be deleted now, and what is kept and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.retention.plan import RetentionPlan

_WHY = {
    "due": "goes now",
    "young": "younger than its days",
    "thinned": "kept of many, chosen by digest",
    "for_ever": "its class has no days",
    "needed": "only the input is left, models are compared by it",
    "held": "held",
    "disputed": "disputed",
    "unreviewed_fail": "FAIL that nobody has looked at",
    "unsynced": "not upstream yet",
}


def command(
    name: Name,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Say which pictures the rules of \\[retention] would delete now, and why the others stay.

    Nothing is deleted, and nothing is written. It works with the station running and at rest, and
    with the rules switched off: so they can be tried first. Sizes are measured on a sample.

    [dim]Examples:[/dim]
      [bold]qc-edge retention plan line1[/bold]
      [bold]qc-edge retention plan line1 --json[/bold]
    """
    from qc_edge.retention.plan import make_plan
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    with acting_as_owner(paths.state):
        made = make_plan(paths, settings)
    if as_json:
        print_json(made.to_json())
    else:
        _print(name, made)


def _print(name: str, made: RetentionPlan) -> None:
    from rich.table import Table

    console = out()
    state = "on" if made.enabled else "off: nothing is deleted until [retention] enabled = true"
    console.print(f"{name}: retention is {state}", markup=False)
    if not made.lines:
        console.print("no pictures are kept here")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("class", "inspections", "MB", ""):
        table.add_column(heading, justify="right" if heading in {"inspections", "MB"} else "left")
    for line in made.lines:
        size = "" if line.size_bytes is None else f"{line.size_bytes / 1e6:,.1f}"
        words = _WHY[line.state]
        style = "bold" if line.state == "due" else ""
        table.add_row(line.retention_class, f"{line.inspections:,}", size, words, style=style)
    console.print(table)
    for line in made.lines:
        if line.state == "due":
            console.print(f"rule {line.rule}", markup=False)
