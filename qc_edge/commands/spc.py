"""`qc-edge spc`: control charts of rates, gates and scores, and what they say together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Show alarms and points since then: UTC, [bold]2026-11-22T14:00[/bold], or an age, "
        "[bold]7d[/bold], [bold]36h[/bold].",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the charts: [bold].html[/bold] or [bold].pdf[/bold].",
        show_default=False,
    ),
]


def command(
    name: Name,
    since: Since = "7d",
    output: Output = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Tell by control charts whether camera or process have drifted; with --output, draw them.

    FAIL rate, FAIL by class, INVALID rate by reason and held rate against exact binomial limits;
    the gates' figures and the score of accepted parts as means; FAIL by lot. The reference is the
    beginning of what is in force: a new model, threshold or calibration begins another. A running
    station says the same by itself; [bold]\\[spc][/bold] in the settings has the rules.

    [dim]Examples:[/dim]
      [bold]qc-edge spc line1[/bold]
      [bold]qc-edge spc line1 --since 30d --output charts.html[/bold]
      [bold]qc-edge spc line1 --json[/bold]
    """
    from rich.text import Text

    from qc_edge.discipline.sheet_file import check_sheet_file, write_sheet
    from qc_edge.discipline.spc.examine import examine
    from qc_edge.discipline.spc.tables import spc_json, spc_sheet, spc_state, spc_tables
    from qc_edge.domain.moment import parse_since
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.tables import print_report_tables

    if output is not None:
        check_sheet_file(output)
    paths, now = StationPaths(root.absolute(), name), utc_now()
    settings = load_settings(paths.settings)
    calendar = settings.station.calendar
    report = examine(paths, settings.spc, parse_since(since, now), now)
    if output is not None:
        write_sheet(spc_sheet(report, calendar), output)
    if as_json:
        print_json(spc_json(report, calendar))
        return
    console = out()
    console.print(
        Text(f"{name}, from {calendar.local(report.since):%Y-%m-%d %H:%M}", "bold"),
    )
    for words in spc_state(report):
        console.print(Text(words, "yellow"))
    for each in report.diagnoses:
        console.print(Text(f"ALARM {each.words}", "bold red"))
    if not report.diagnoses and report.charts.rates:
        console.print(Text("no alarm", "green"))
    print_report_tables(console, [each for each in spc_tables(report, calendar) if each.rows])
    if output is not None:
        console.print(f"written: {output}")
