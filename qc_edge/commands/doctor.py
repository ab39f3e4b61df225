"""`qc-edge doctor`: what a technician runs first; everything at once, green, amber or red."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, MaybeName, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.diagnostics.doctor import Diagnosis
    from qc_edge.diagnostics.finding import Finding

STYLES = {"red": "bold red", "amber": "yellow", "green": "green"}


def command(
    name: MaybeName = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
    brief: Annotated[
        bool, typer.Option("--brief", help="Leave out what is green.", show_default=False)
    ] = False,
) -> None:
    """Look at a station and its box: service, camera, model, calibration, disk, clock, network,
    GPU, errors.

    Each finding is green, amber (look at it soon) or red (it keeps the station from its work), with
    what to do. It looks and measures, and mends nothing; a camera that the station holds is left
    alone. Run it with sudo: a plain user may not see everything.

    Exit code 0 if all is green, 1 amber, 2 red: as monitoring plug-ins have it.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge doctor line1[/bold]
      [bold]sudo qc-edge doctor --brief[/bold]       all stations, only what is not green
    """
    from qc_edge.diagnostics.check import chosen_stations, require_station
    from qc_edge.diagnostics.doctor import examine
    from qc_edge.settings import StationPaths

    root = root.absolute()
    names = chosen_stations(root, name)
    for station in names:
        require_station(StationPaths(root, station))
    diagnoses = [examine(root, station) for station in names]
    if as_json:
        print_json(report(diagnoses))
    else:
        for diagnosis in diagnoses:
            _print(diagnosis, brief=brief)
    raise typer.Exit(max(diagnosis.exit_code for diagnosis in diagnoses))


def report(diagnoses: Sequence[Diagnosis]) -> dict[str, object]:
    """What --json prints."""
    worst = max(diagnoses, key=lambda diagnosis: diagnosis.exit_code)
    return {
        "colour": worst.colour,
        "stations": [
            {
                "station": diagnosis.station,
                "colour": diagnosis.colour,
                "findings": [
                    finding.to_json_values() | {"colour": finding.level.colour}
                    for finding in diagnosis.findings
                ],
            }
            for diagnosis in diagnoses
        ],
    }


def _print(diagnosis: Diagnosis, *, brief: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    colours = [finding.level.colour for finding in diagnosis.findings]
    counts = ", ".join(
        f"{colours.count(colour)} {colour}" for colour in STYLES if colour in colours
    )
    head = Text.assemble(
        (diagnosis.station, "bold"), "  ", (diagnosis.colour.upper(), STYLES[diagnosis.colour])
    )
    console.print(head.append(f"  {counts}", "dim"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    for ratio in (None, None, 1):
        table.add_column(overflow="fold", ratio=ratio)
    for finding in _gravest_first(diagnosis.findings):
        colour = finding.level.colour
        if brief and colour == "green":
            continue
        message = Text(finding.message)
        if finding.hint and colour != "green":
            message.append(f"\n→ {finding.hint}", style="cyan")
        table.add_row(Text(colour, style=STYLES[colour]), Text(finding.area), message)
    if table.row_count:
        console.print(table)


def _gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -finding.level.rank)
