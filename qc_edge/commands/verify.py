"""`qc-edge verify`: everything that a station has kept, held against everything else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.audit.finding import AuditReport, AuditStep

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what was recorded since then: UTC, "
        "[bold]2026-11-22[/bold], [bold]2026-11-22T14:00[/bold], or an age, [bold]36h[/bold], "
        "[bold]7d[/bold].",
    ),
]
Sample = Annotated[
    float,
    typer.Option(
        "--sample",
        metavar="P",
        min=0.0,
        max=1.0,
        help="Look at the pictures of this share of the inspections (0..1); all rows are read.",
    ),
]

Anchors = Annotated[
    bool,
    typer.Option(
        "--anchors",
        help="Hold the log against its anchors in the system's journal: up to which second it is "
        "proven, and whether its end is there. See docs/tampering.md.",
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="PATH",
        help="With --anchors: another journal, as a directory (of a disk from another machine), a "
        "file of it, or what [bold]journalctl -o json[/bold] wrote.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="With --anchors: only those count that this public key (ed25519:...) has signed.",
    ),
]

STYLES = {"fault": "bold red", "warning": "yellow", "note": "cyan"}
STEPS = {
    "anchors": "anchors",
    "files": "published files",
    "seals": "sealed days",
    "chain": "rows and their chain",
    "records": "records and their events",
    "verdicts": "verdicts and the count",
    "evidence": "pictures",
    "orphans": "files without a row",
}


def command(
    name: Name,
    since: Since = None,
    sample: Sample = 1.0,
    anchors: Anchors = False,
    journal: Journal = None,
    key: Key = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Hold the log against its own hashes, its copies, the seals, and every picture against its
    row.

    Every row must follow from the one before it; database and published files must tell it as the
    journal does; sealed days must be what was sealed. Verdicts are judged again from score and
    threshold, frames and prepared inputs digested, each input made again from its frame, the
    cameras' own numbers counted, and files sought that no row speaks of. It changes nothing.

    Works while the station runs (its database is then left alone) and when it does not. Exit code 0
    if everything holds, 65 if not.

    [dim]Examples:[/dim]
      [bold]qc-edge verify line1[/bold]
      [bold]qc-edge verify line1 --since 7d --sample 0.1[/bold]
      [bold]sudo qc-edge verify line1 --anchors[/bold]
      [bold]qc-edge verify line1 --json | jq .findings[/bold]
    """
    from qc_edge.audit.anchors.counted import AnchorOptions
    from qc_edge.audit.anchors.journald import AnchorJournal
    from qc_edge.audit.finding import Severity
    from qc_edge.audit.verify import verify
    from qc_edge.domain.moment import parse_since
    from qc_edge.errors import AuditError
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.audit_bar import AuditBar

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    options = None
    if anchors or journal or key:
        trusted = key.split()[0] if key and key.strip() else None
        options = AnchorOptions(AnchorJournal(journal), trusted, settings.anchor.every_s)
    begin = parse_since(since, utc_now()) if since else None
    with AuditBar(STEPS, quiet=as_json) as bar:
        report = verify(paths, begin, sample, bar, options)
    faults, warnings = report.count(Severity.FAULT), report.count(Severity.WARNING)
    if as_json:
        print_json(_json_values(report))
    else:
        _print(report)
    if not report.is_clean:
        counts = f"{faults} fault{'s' * (faults != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        raise AuditError(
            f"{name} does not hold: {counts}",
            hint="keep the station's state as it is (a copy of the disk) before anything is mended",
        )


def _json_values(report: AuditReport) -> dict[str, Any]:
    head = report.anchored_to
    return {
        "ok": report.is_clean,
        "findings": [asdict(finding) for finding in report.findings],
        "not_listed": report.not_listed,
        "without_counter": report.without_counter,
        "anchored_to": head and {"row": head.seq, "recorded_at": head.recorded_at.isoformat()},
        "steps": [
            {
                "name": step.name,
                "what": step.what,
                "count": step.count,
                "seconds": step.seconds,
                "per_s": round(step.rate, 1),
            }
            for step in report.steps
        ],
    }


def _print(report: AuditReport) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    steps = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for step in report.steps:
        steps.add_row(STEPS[step.name], Text(_describe(step), "dim"))
    console.print(steps)
    if report.findings:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("", "what", "where"):
            table.add_column(heading, overflow="fold")
        for finding in report.findings:
            what = Text(finding.what)
            if finding.hint:
                what.append(f"\n→ {finding.hint}", style="cyan")
            severity = Text(str(finding.severity), style=STYLES[finding.severity])
            table.add_row(severity, what, Text(finding.where))
        console.print(table)
    for kind, count in report.not_listed.items():
        console.print(f"and {count:,} more findings of the kind {kind}")
    for camera in report.without_counter:
        words = f"no counter for {camera}: whether every exposure has its row, nobody can say"
        console.print(words)
    if report.is_clean:
        console.print(Text("everything holds", "bold green"))


def _describe(step: AuditStep) -> str:
    if not step.count:
        return f"{step.seconds:.1f} s"
    return f"{step.count:,} {step.what} in {step.seconds:.1f} s, {step.rate:,.0f} a second"
