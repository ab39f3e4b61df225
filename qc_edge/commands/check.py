"""`qc-edge check`: is the station fit to run? Every fault at once, each with a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, MaybeName, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.diagnostics.finding import Finding

STYLES = {"ok": "green", "warning": "yellow", "fault": "bold red"}


def command(name: MaybeName = None, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Check settings, calibration, model, engine, camera and disk: every fault at once, each with a
    hint.

    The exit code is that of the fault to mend first, 0 if the station can run.

    A camera that a running station holds is left alone.

    [dim]Examples:[/dim]
      [bold]qc-edge check line1[/bold]
      [bold]qc-edge check --json[/bold]         all stations, for scripts
    """
    from qc_edge.diagnostics.check import check_station, chosen_stations
    from qc_edge.diagnostics.finding import worst_exit_code

    root = root.absolute()
    names = chosen_stations(root, name)
    findings = [finding for station in names for finding in check_station(root, station)]
    code = worst_exit_code(findings)
    if as_json:
        values = [finding.to_json_values() for finding in findings]
        print_json({"ok": code == 0, "findings": values})
    else:
        _print_table(findings)
    raise typer.Exit(code)


def _print_table(findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from qc_edge.errors import RightsError

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    several = len({finding.station for finding in findings}) > 1
    for heading in ["station"] * several + ["", "area", "seen"]:
        table.add_column(heading, overflow="fold")
    for finding in findings:
        message = Text(finding.message)
        if finding.hint:
            message.append(f"\n→ {finding.hint}", style="cyan")
        cells = [Text(str(finding.level), style=STYLES[finding.level]), Text(finding.area), message]
        table.add_row(*[Text(finding.station)] * several, *cells)
    console = out()
    console.print(table)
    faults = sum(finding.level == "fault" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if any(finding.exit_code == RightsError.exit_code for finding in findings):
        console.print("[yellow]this user could not look at everything[/yellow]")
    console.print(
        f"{faults} to mend, {warnings} to look at" if faults or warnings else "all is well"
    )
