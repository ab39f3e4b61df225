"""`qc-edge sync`: a station's sealed days sent to the plant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.sync import SyncReport

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be sent, and send nothing.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DAY",
        help="Leave out days before: UTC, [bold]2026-11-22[/bold], or an age, [bold]7d[/bold].",
        show_default=False,
    ),
]

Pulls = Annotated[
    bool,
    typer.Option(
        "--pull",
        help="Bring what is approved upstream instead, and stage it; nothing is sent.",
        show_default=False,
    ),
]

TITLES = {"manifests": "manifests", "tables": "tables", "pictures": "pictures"}


def command(
    name: Name,
    dry_run: DryRun = False,
    since: Since = None,
    pull: Pulls = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Send the sealed days of a station to where [bold]\\[upstream][/bold] of its settings says.

    Manifests and the head of the chain go first, then the days in order: tables, pictures where the
    settings ask for them, and the receipt, once all was read back and compared. What is there
    already is not sent again; killed at any moment, it goes on from there. A day that is not what
    was sealed is refused by name, and the others go.

    With --pull it brings the bundles, recipes, calibrations, layers of settings and software that
    [bold]qc-edge fleet publish[/bold] has put there, signed by one of model.trusted_keys, into the
    station's [bold]upstream/staged[/bold]. None of it is in force: it says the command for each.

    The timer qc-edge-sync@NAME.timer runs it every night. It reads published files and never the
    database. Exit code 75 if upstream does not answer or refuses (the next night again), 65 if a
    day was refused.

    [dim]Examples:[/dim]
      [bold]sudo -u qc-edge qc-edge sync line1[/bold]
      [bold]qc-edge sync line1 --dry-run[/bold]
      [bold]qc-edge sync line1 --since 7d --json[/bold]
      [bold]qc-edge sync line1 --pull[/bold]
    """
    from functools import partial

    from qc_edge.domain.moment import parse_since
    from qc_edge.errors import AuditError, SettingsError
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.audit_bar import AuditBar
    from qc_edge.terminal.upstream.pulled import print_pulled
    from qc_edge.upstream.mounted import check_mounted
    from qc_edge.upstream.releases.pulling import Pull
    from qc_edge.upstream.sync import Sync, plan
    from qc_edge.upstream.targets import Access, connect

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    upstream = settings.upstream
    if not upstream.url:
        raise SettingsError(
            f"{paths.settings} says nowhere to send to",
            hint='[upstream] url = "s3://BUCKET/PATH" "sftp://USER@HOST/PATH" or "file:///mnt/archive"',
        )
    first = parse_since(since, utc_now()).date() if since else None
    act_as_owner(paths.state)
    if dry_run and not pull:
        report = plan(paths, upstream.url, first)
    else:
        check_mounted(upstream.url, paths.state, same_disk=upstream.same_disk)
        with connect(upstream.url, Access.of(upstream)) as target, _alone(paths):
            if pull:
                with AuditBar({"files": "files"}, quiet=as_json) as bar:
                    puller = Pull(paths, settings, target, partial(bar.update, "files"))
                    pulled = puller.plan() if dry_run else puller.run()
                print_pulled(paths, pulled, dry_run=dry_run, as_json=as_json)
                return
            with AuditBar(TITLES, quiet=as_json) as bar:
                report = Sync(paths, settings, target, bar.update).run(first)
    if as_json:
        print_json(_json_values(name, report))
    else:
        _print(name, report)
    if faults := sorted({*report.refused, *report.damaged}):
        days = ", ".join(map(str, faults))
        raise AuditError(
            f"{name}: refused, {days}",
            hint=f"qc-edge verify {name} says more; the other days are not held up by it",
        )


@contextmanager
def _alone(paths: StationPaths) -> Iterator[None]:
    """One sync of a station at a time: two would only do each other's work."""
    from qc_edge.errors import BusyError
    from qc_edge.service.lock import StationLock, holder_of

    if (holder := holder_of(paths.lock("sync"))) is not None:
        raise BusyError(
            f"{paths.name} is being sent upstream by process {holder['pid']}",
            hint=f"systemctl status qc-edge-sync@{paths.name}",
        )
    with StationLock(paths.lock("sync")[:1]):
        yield


def _json_values(name: str, report: SyncReport) -> dict[str, Any]:
    return {
        "station": name,
        "url": report.url,
        "sent": [asdict(receipt) for receipt in report.sent],
        "would_send": [
            {"day": each.day, "rows": each.seal.rows, "files": len(each.seal.files)}
            for each in report.planned
        ],
        "damaged": {str(day): why for day, why in report.damaged.items()},
        "refused": {str(day): why for day, why in report.refused.items()},
        "waiting": report.waiting,
    }


def _print(name: str, report: SyncReport) -> None:
    from qc_edge.domain.printable import printable

    console = out()
    for receipt in report.sent:
        console.print(
            f"{receipt.day}: {receipt.rows:,} rows in {receipt.files} files, "
            f"{sum(receipt.pictures.values()):,} pictures, {receipt.size_bytes / 1e6:,.1f} MB"
        )
    for sealed in report.planned:
        size = sum(file.bytes for file in sealed.seal.files)
        console.print(
            f"{sealed.day}: {sealed.seal.rows:,} rows in {len(sealed.seal.files)} files, "
            f"{size / 1e6:,.1f} MB, would be sent to {report.url}"
        )
    for day, why in sorted(report.refused.items()):
        console.print(f"[red]{day} refused[/red]: {why}")
    for day, damaged in sorted(report.damaged.items()):
        for why in damaged:
            console.print(f"[red]{day} a picture was left out[/red]: {printable(why)}")
    for day in report.waiting:
        console.print(f"{day} waits: its seal is not told in the published log yet")
    if not (report.sent or report.planned or report.refused):
        console.print(f"{name}: nothing is due, every sealed day is at {report.url}")
