"""`qc-edge sql`: SQL over the log of a station, whether it runs or not; changes nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qc_edge.domain.station_calendar import StationCalendar
    from qc_edge.query.sql_session import SqlSession
    from qc_edge.settings import StationPaths
    from qc_edge.terminal.sql_result import ResultPrinter

Sql = Annotated[
    str | None,
    typer.Argument(metavar="[SQL]", help="One statement; without it, a shell.", show_default=False),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.", show_default=False)]
JsonRows = Annotated[
    bool,
    typer.Option("--json", help="Print a JSON array, one object for a row.", show_default=False),
]
Parquet = Annotated[
    Path | None,
    typer.Option("--parquet", metavar="FILE", help="Write a Parquet file.", show_default=False),
]
Rows = Annotated[
    int,
    typer.Option(
        "--rows", metavar="N", min=0, help="Show so many rows in a table; 0: all of them."
    ),
]


def command(
    name: Name,
    sql: Sql = None,
    as_csv: Csv = False,
    as_json: JsonRows = False,
    parquet: Parquet = None,
    rows: Rows = 100,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Ask the log of a station in SQL (DuckDB's), while it runs or not. Nothing is changed.

    The views and macros are explained in docs/schema.md; inspections is the place to start. All
    times are UTC, those of now() too; local_time(recorded_at) and shift_of(recorded_at) are the
    station's. A table that does not fit the terminal is cut, and says so; --csv, --json and
    --parquet give all of it. Without SQL, a shell with history; statements may also come from a
    file on standard input.

    Beside a running station it takes only the CPU time that the station leaves idle.

    [dim]Examples:[/dim]
      [bold]qc-edge sql line1 "FROM rejects_by_reason WHERE date = utc_today()"[/bold]
      [bold]qc-edge sql line1 "FROM threshold_replay(0.6)" --json[/bold]
      [bold]qc-edge sql line1 "FROM inspections" --parquet inspections.parquet[/bold]
      [bold]qc-edge sql line1 < questions.sql[/bold]
    """
    from qc_edge.errors import StationAbsentError, UsageError
    from qc_edge.settings import StationPaths
    from qc_edge.terminal import sql_shell
    from qc_edge.terminal.sql_result import ResultPrinter

    if as_csv + as_json + (parquet is not None) > 1:
        raise UsageError("--csv, --json and --parquet: one of them", hint="ask once for each")
    kind = "csv" if as_csv else "json" if as_json else "table"
    paths = StationPaths(root.absolute(), name)
    if not paths.settings.exists() and not paths.state.exists():
        raise StationAbsentError(
            f"there is no station {name!r} under {root}", hint="qc-edge check lists the stations"
        )
    target = parquet.absolute() if parquet else None
    with _open_session(paths, target) as session:
        printer = ResultPrinter(session, kind, rows)
        if target is not None and sql is None:
            raise UsageError(
                "--parquet needs a statement", hint="qc-edge sql NAME 'FROM ...' --parquet FILE"
            )
        if sql is None and sys.stdin.isatty():
            sql_shell.run(session, printer, name)
        else:
            text = sys.stdin.read() if sql is None else sql
            _run(session, printer, text, target, several=sql is None and kind == "table")


def _run(
    session: SqlSession, printer: ResultPrinter, text: str, target: Path | None, several: bool
) -> None:
    from qc_edge.errors import UsageError

    statements = session.statements(text)
    if not statements:
        raise UsageError(
            "there is no statement", hint='for example: qc-edge sql NAME "FROM yield_by_hour"'
        )
    if len(statements) > 1 and not several:
        raise UsageError(
            f"expected one statement, got {len(statements)}", hint="ask them one by one"
        )
    for statement in statements:
        if target is not None:
            written = session.export(statement, target)
            sys.stdout.write(f"{written} rows in {target}\n")
        else:
            printer(statement)


@contextmanager
def _open_session(paths: StationPaths, target: Path | None) -> Iterator[SqlSession]:
    import tempfile

    from qc_edge.query.sql_session import SqlSession

    yield_to_station(paths)
    writable = [target, target.with_name(f".{target.name}.new")] if target else []
    with (
        tempfile.TemporaryDirectory(prefix="qc-edge-sql-") as spill,
        SqlSession(paths.published, Path(spill), writable, _calendar(paths)) as session,
    ):
        yield session


def _calendar(paths: StationPaths) -> StationCalendar:
    """The station's; UTC, with a note, where its settings do not read."""
    from qc_edge.domain.station_calendar import UTC_CALENDAR
    from qc_edge.errors import SettingsError
    from qc_edge.settings.load import station_calendar

    try:
        return station_calendar(paths.settings)
    except SettingsError as fault:
        sys.stderr.write(f"note: local times are UTC here, the settings do not read: {fault}\n")
        return UTC_CALENDAR


def yield_to_station(paths: StationPaths) -> None:
    """Where the station runs on this machine, its frames come first: use only the CPU time that
    they leave idle. A query on all cores would otherwise delay verdicts (sched(7), SCHED_IDLE).
    """
    import os

    from qc_edge.service.lock import holder_of
    from qc_edge.settings import Role

    try:
        runs = any(holder_of(paths.lock(role)) for role in Role)
    except OSError:
        runs = True  # who may not look cannot know
    if runs:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
