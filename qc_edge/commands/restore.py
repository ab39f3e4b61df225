"""`qc-edge restore`: a station on a new disk, from what it has sent upstream."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.upstream.restore import RestoreReport

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="URL",
        help="Where the station sent to, as in [bold]\\[upstream] url[/bold].",
    ),
]
Endpoint = Annotated[
    str, typer.Option("--endpoint", metavar="URL", help="Of an S3 server other than Amazon's.")
]
Region = Annotated[str, typer.Option("--region", metavar="NAME", help="Of an S3 bucket.")]
HostKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--host-key",
        metavar="FINGERPRINT",
        help="Of an SFTP server that is not in /etc/ssh/ssh_known_hosts: [bold]SHA256:...[/bold]",
        show_default=False,
    ),
]
PicturesSince = Annotated[
    str | None,
    typer.Option(
        "--pictures-since",
        metavar="DAY",
        help="Only pictures of days from then on: UTC, or an age, [bold]30d[/bold]. The log comes "
        "back whole.",
        show_default=False,
    ),
]
UpTo = Annotated[
    str | None,
    typer.Option(
        "--up-to",
        metavar="DAY",
        help="No later day: where one between is not upstream, the station goes on from before it.",
        show_default=False,
    ),
]

TITLES = {
    "records": "records",
    "tables": "days",
    "pictures": "rows with pictures",
    "journal": "rows of the journal",
}


def command(
    name: Name,
    url: From,
    endpoint: Endpoint = "",
    region: Region = "",
    host_key: HostKeys = None,
    pictures_since: PicturesSince = None,
    up_to: UpTo = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Bring a station back on a new disk: settings, records, the log, pictures.

    Every day that was sent whole comes back, each file as it was sealed and each row in its place
    in the chain; the journal last, from which the station fills its database when it starts. Its
    count goes on behind the last row. What was recorded after that day is lost: the event
    [bold]restored[/bold] says how much. It refuses to touch a station that has a log, and may be
    run again where it was interrupted. Exit code 65 if days were left out by [bold]--up-to[/bold].

    Then: sudo qc-edge install --station NAME, start it, and qc-edge verify NAME.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge restore line1 --from s3://qc-archive/plant-1 --region eu-central-1[/bold]
      [bold]sudo SFTP_KEY_FILE=/root/plant qc-edge restore line1 --from
      sftp://qc@files.plant/upload[/bold]
      [bold]qc-edge restore line1 --from file:///mnt/archive/plant-1 --pictures-since 30d[/bold]
    """
    from qc_edge.domain.moment import parse_since
    from qc_edge.errors import AuditError
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.terminal.audit_bar import AuditBar
    from qc_edge.upstream.restore import Restore
    from qc_edge.upstream.targets import Access, connect, place_at

    place = place_at(url, endpoint, region, host_key or ())
    paths = StationPaths(root.absolute(), name)
    last = parse_since(up_to, utc_now()).date() if up_to else None
    since = parse_since(pictures_since, utc_now()).date() if pictures_since else None
    with (
        connect(place.url, Access.of(place)) as target,
        AuditBar(TITLES, quiet=as_json) as bar,
    ):
        restore = Restore(paths, target, bar.update)
        restore.settings()
        act_as_owner(paths.state)
        report = restore.run(since, last)
    if as_json:
        print_json({"station": name, "url": place.url, **asdict(report)})
    else:
        _print(name, report)
    if report.days_left_out:
        raise AuditError(
            f"{name}: {len(report.days_left_out)} days left out, from {report.days_left_out[0]} on",
            hint="they stay upstream; their rows are not in the log of this station any more",
        )


def _print(name: str, report: RestoreReport) -> None:
    head = report.head
    out().print(
        f"{name}: {len(report.days):,} days, {head.seq if head else 0:,} rows, {report.records:,} "
        f"records and {report.pictures:,} pictures are back"
    )
    if without := report.without():
        out().print(
            f"[yellow]pictures that rows name and that are not back: {without}[/yellow]; "
            "qc-edge verify reports each as missing"
        )
    out().print(f"next: sudo qc-edge install --station {name}, start it, qc-edge verify {name}")
