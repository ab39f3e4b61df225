"""`qc-edge export`: a part of the log as files that open without the station."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.history_options import RecordedSince, RecordedUntil
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.export.export import ExportSummary

Target = Annotated[
    Path,
    typer.Argument(
        metavar="OUT",
        help="[bold].duckdb[/bold]: one file with everything; any other name: a directory of "
        "Parquet files.",
        show_default=False,
    ),
]
Lots = Annotated[
    list[str] | None,
    typer.Option(
        "--lot", metavar="LOT", help="Only this lot; may be given again.", show_default=False
    ),
]
Parts = Annotated[
    Path | None,
    typer.Option(
        "--parts",
        metavar="FILE",
        help="Only the parts in this text file, one id a line.",
        show_default=False,
    ),
]
WithEvidence = Annotated[
    bool,
    typer.Option(
        "--with-evidence",
        help="Pictures too: frames, prepared inputs, defect maps.",
        show_default=False,
    ),
]


def command(
    name: Name,
    target: Target,
    since: RecordedSince = None,
    until: RecordedUntil = None,
    lot: Lots = None,
    parts: Parts = None,
    with_evidence: WithEvidence = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Export a part of the log to take away: rows, labels, views and macros, pictures if wanted.

    It opens anywhere with DuckDB 1.5 or later, its command line, DBeaver or Python, and points at
    nothing outside itself. Labels are those of the exported inspections; events are all up to the
    end, as what was in force had been decided before. Of some lots or parts there is no count that
    could close: [bold]closure[/bold] is left out then.

    With --with-evidence the pictures lie beside it, where [bold]raw_path[/bold] and its like say,
    and [bold]evidence_files[/bold] tells whether each still is what was judged. Nothing is
    overwritten, and nothing half is left behind. Works while the station runs, behind its frames.

    [dim]Examples:[/dim]
      [bold]qc-edge export line1 line1.duckdb --since 7d[/bold]
      [bold]qc-edge export line1 claim-881/ --lot L4711 --with-evidence[/bold]
      [bold]qc-edge export line1 claim-881/parts.duckdb --parts parts.txt --with-evidence[/bold]
    """
    from qc_edge.commands.sql import yield_to_station
    from qc_edge.domain.moment import parse_moment, parse_since
    from qc_edge.export.export import STEPS, export_log
    from qc_edge.export.request import ExportRequest, read_part_ids
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths
    from qc_edge.terminal.audit_bar import AuditBar

    paths = StationPaths(root.absolute(), name)
    request = ExportRequest(
        out=target.absolute(),
        since=parse_since(since, utc_now()) if since else None,
        until=parse_moment(until) if until else None,
        lots=tuple(lot or ()),
        parts=read_part_ids(parts) if parts else None,
        with_pictures=with_evidence,
    )
    yield_to_station(paths)
    with _clean_end(), AuditBar(STEPS, quiet=as_json) as bar:
        summary = export_log(paths, request, bar.update)
    if as_json:
        print_json(summary.to_json_values())
    else:
        _print(name, summary)


@contextmanager
def _clean_end() -> Iterator[None]:
    """Signals end the command as an exception does: by default most of them end the process at
    once, and what it had written so far would stay.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    received = list[int]()

    def end(number: int, _frame: object) -> None:
        received.append(number)
        sys.exit(128 + number)

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    except RuntimeError:
        # DuckDB ends its query and makes "Query interrupted" of whatever the handler raises.
        if received:
            sys.exit(128 + received[0])
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(name: str, summary: ExportSummary) -> None:
    from qc_edge.domain.printable import printable

    console, counts = out(), summary.rows
    console.print(
        f"{name}: {counts['inspections']:,} inspections, {counts['labels']:,} labels, "
        f"{counts['events']:,} events in {summary.out} ({summary.size / 1e6:,.1f} MB)"
    )
    if summary.pictures is not None:
        good = summary.pictures.get("same", 0)
        console.print(f"{sum(summary.pictures.values()):,} pictures, {good:,} as they were judged")
        for match, count in sorted(summary.pictures.items()):
            if match != "same":
                console.print(f"[yellow]{count:,} pictures are {match}[/yellow]")
    if summary.unknown_parts:
        shown = ", ".join(summary.unknown_parts[:5])
        count = len(summary.unknown_parts)
        more = f" and {count - 5:,} more (--json names all)" if count > 5 else ""
        console.print(
            f"[yellow]{count:,} parts have no inspection here[/yellow]: {printable(shown)}{more}"
        )
