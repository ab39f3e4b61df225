"""`qc-edge report`: a shift or a day in figures, on the terminal and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.plot.page import Table
    from qc_edge.report.shift.report_table import ReportTable
    from qc_edge.report.shift.shift_report import ShiftReport

_IN_FILES = frozenset({"came again", "first pass", "PASS", "INVALID", "from", "to"})
_SHOWN = (
    ("total", _IN_FILES),
    *((f"yield-by-{by}", _IN_FILES) for by in ("recipe", "lot", "view")),
    ("reasons", frozenset()),
    ("classes", frozenset()),
    ("count", frozenset()),
    ("gaps", frozenset()),
    ("events", frozenset({"before", "after", "why"})),
    ("worst", frozenset({"lot", "decided", "frame", "threshold"})),
)
"""The tables for a terminal, and the columns for which it has no room; files have all of both."""

WhichShift = Annotated[
    str,
    typer.Option(
        "--shift",
        metavar="DAY[/SHIFT]",
        help="Which: a day, a shift of a day, [bold]last[/bold] (the last one that is over) or "
        "[bold]now[/bold].",
    ),
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write it: [bold].html[/bold], [bold].pdf[/bold], [bold].xlsx[/bold], or a folder "
        "of CSV files; may be given again.",
        show_default=False,
    ),
]


def command(
    name: Name,
    shift: WhichShift = "last",
    output: Outputs = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Tell of a shift, or of a day, in figures; with --output, as files.

    Yield by recipe, lot and view, of parts and of frames; why parts were not accepted; classes of
    defects; the FAIL rate over time between exact binomial limits; the gates against their bounds;
    changes and troubles; what was lost, and whether the count closes; the ten highest scores with
    their pictures. From what the station has published, while it runs or not.

    DAY is YYYY-MM-DD, [bold]today[/bold] or [bold]yesterday[/bold]; a night shift is of the day on
    which it began. Without [bold]\\[\\[station.shifts]][/bold] in the settings there are only days.
    PDF and XLSX need the extra `report`.

    [dim]Examples:[/dim]
      [bold]qc-edge report line1 --output shift.html[/bold]
      [bold]qc-edge report line1 --shift yesterday/late --output late.pdf --output late.xlsx[/bold]
      [bold]qc-edge report line1 --shift 2026-11-27 --json[/bold]
    """
    from qc_edge.domain.reporting.shift_period import find_period
    from qc_edge.report.shift.files import check_output, write_output
    from qc_edge.report.shift.json_values import shift_json_values
    from qc_edge.report.shift.shift_report import make_shift_report
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths, load_settings

    for path in output or ():
        check_output(path)
    paths = StationPaths(root.absolute(), name)
    calendar = load_settings(paths.settings).station.calendar
    period = find_period(calendar, shift, utc_now())
    report = make_shift_report(paths, calendar, period, with_pictures=bool(output))
    for path in output or ():
        write_output(report, path)
    if as_json:
        print_json(shift_json_values(report))
        return
    _print(report)
    for path in output or ():
        out().print(f"written: {path}")


def _print(report: ShiftReport) -> None:
    from rich.text import Text

    from qc_edge.report.shift.html import describe_count, describe_state
    from qc_edge.report.shift.tables import report_tables
    from qc_edge.terminal.tables import print_tables

    console, local = out(), report.calendar.local
    period = report.period
    console.print(
        Text(
            f"{report.station}, {period.shift or 'day'} of {period.day:%A} {period.day}: "
            f"{local(period.begins):%Y-%m-%d %H:%M} to {local(period.ends):%Y-%m-%d %H:%M} "
            f"({report.calendar.zone}); the count: {describe_count(report)}",
            "bold",
        )
    )
    if state := describe_state(report):
        console.print(Text(state, "yellow"))
    tables = {each.key: each for each in report_tables(report) if each.rows}
    found = [(tables[key], left_out) for key, left_out in _SHOWN if key in tables]
    print_tables(console, {table.title: _columns(table, left_out) for table, left_out in found})


def _columns(table: ReportTable, left_out: frozenset[str]) -> Table:
    from qc_edge.report.shift.report_table import cell_text

    kept = [at for at, column in enumerate(table.columns) if column.heading not in left_out]
    return (
        tuple(table.columns[at].heading for at in kept),
        [tuple(cell_text(row[at], table.columns[at].kind) for at in kept) for row in table.rows],
    )
