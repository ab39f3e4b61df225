"""`qc-edge fleet compact`: Delta tables of all that the stations have sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from qc_edge.terminal.options import Json, out, print_json

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="Where the stations send to, as in [bold]\\[upstream] url[/bold].",
        show_default=False,
    ),
]
Endpoint = Annotated[
    str, typer.Option("--endpoint", metavar="URL", help="Of an S3 server other than Amazon's.")
]
Region = Annotated[str, typer.Option("--region", metavar="NAME", help="Of an S3 bucket.")]

TITLES = {"days": "days of stations"}


def command(url: Url, endpoint: Endpoint = "", region: Region = "", as_json: Json = False) -> None:
    """Commit the days that all stations have sent to Delta tables beside them.

    One table each for inspections, gaps, events, labels and so on, under URL/delta, divided by date
    and line; one commit takes the days of many stations. A day is committed once, by its receipt,
    however often and on however many machines this runs: one of them, after the night, is enough.
    It also makes checkpoints and removes what failed commits have left. Needs no station here.

    Exit code 75 if upstream does not answer or refuses, 65 if a file of a day is missing there or
    is not what was sealed: that day is named and not committed, and the others are.

    [dim]Examples:[/dim]
      [bold]qc-edge fleet compact s3://qc-archive/plant-1 --region eu-central-1[/bold]
      [bold]qc-edge fleet compact file:///mnt/archive/plant-1 --json[/bold]
    """
    from qc_edge.domain.printable import printable
    from qc_edge.errors import AuditError
    from qc_edge.terminal.audit_bar import AuditBar
    from qc_edge.upstream.fleet.compact import Compaction
    from qc_edge.upstream.fleet.delta_tables import DeltaTables
    from qc_edge.upstream.targets import Access, connect, place_at

    place = place_at(url, endpoint, region)
    access = Access.of(place)
    tables = DeltaTables.at(place.url, access.options, place.endpoint, place.region)
    with connect(place.url, access) as target, AuditBar(TITLES, quiet=as_json) as bar:
        report = Compaction(target, tables, lambda done, of: bar.update("days", done, of)).run()
    if as_json:
        print_json({"url": place.url, **asdict(report)})
    else:
        for table, count in report.rows.items():
            out().print(f"{table}: {count:,} rows of {report.days[table]:,} days of stations")
        for day, why in report.refused.items():
            out().print(f"[red]{day} refused[/red]: {printable(why)}")
        if not (report.rows or report.refused):
            out().print(f"nothing is due: every day at {place.url} is in its tables")
    if report.refused:
        raise AuditError(
            f"refused, {', '.join(report.refused)}",
            hint="the other days are in the tables; run it again when those are as they were sent",
        )
