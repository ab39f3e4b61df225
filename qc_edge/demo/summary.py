"""The demo's result: as tables for a person, or as JSON-ready values for a script."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.demo.account import Account, TruthRow
from qc_edge.demo.changeover.summary import print_summary as print_changeover
from qc_edge.demo.changeover.summary import to_json_values as changeover_values
from qc_edge.demo.demo_run import DemoReport
from qc_edge.demo.demo_station import log_file
from qc_edge.demo.screen import STYLES
from qc_edge.demo.tips import Tip, short_path
from qc_edge.rendered import DefectKind, FrameFault


def to_json_values(report: DemoReport, commands: Sequence[Tip]) -> dict[str, object]:
    """The whole report as `qc-edge demo --json` prints it."""
    account, latencies, paths = report.account, report.latencies, report.paths
    changeover = report.changeover
    return {
        "ok": not report.faults,
        "closed": account.closed and (changeover is None or changeover.account.closed),
        "faults": report.faults,
        "seconds": round(report.seconds, 2),
        "interrupted": report.interrupted,
        "camera": {
            "device": report.device,
            "triggers": account.triggers,
            "first_frame_number": report.frame_numbers[0] if report.frame_numbers else None,
            "last_frame_number": report.frame_numbers[1] if report.frame_numbers else None,
        },
        "log": {
            **account.verdicts,
            "lost": account.lost,
            "total": account.recorded,
            "held": account.held,
            "invalid": dict(account.reasons),
            "lost_why": dict(account.lost_why),
        },
        "spool": account.waiting,
        "confusion": [_row_json(row) for row in account.rows],
        "latency_ms": {
            "frames": latencies.frames,
            "p50": _rounded(latencies.p50_ms),
            "p99": _rounded(latencies.p99_ms),
            "max": _rounded(latencies.max_ms),
        },
        "steps_ms": dict(account.steps_ms),
        "changeover": changeover_values(changeover) if changeover else None,
        "model": report.status.model,
        "engine": report.status.engine,
        "engine_reason": report.status.engine_reason,
        "threshold": report.status.threshold,
        "warnings": report.warnings,
        "paths": {
            "root": paths.root,
            "settings": paths.settings,
            "state": paths.state,
            "log": paths.database,
            "evidence": paths.evidence,
            "parts": paths.emulated_parts,
            "station_log": log_file(paths.root),
        },
        "next": [command for command, _ in commands],
    }


def print_summary(console: Console, report: DemoReport, commands: Sequence[Tip]) -> None:
    """The report for a person, at most 80 columns wide but for paths and commands."""
    account = report.account
    console.print()
    console.print(_count(account))
    for kind, count in account.lost_why.items():
        console.print(Text(f"  lost: {count} {kind}", "red"))
    console.print(_table(account))
    console.print(_figures(report))
    for fault in account.faults:
        console.print(Text(f"✗ {fault}", "bold red"))
    if report.changeover:
        print_changeover(console, report.changeover)
    if report.interrupted:
        console.print(Text(f"ended early, after {report.seconds:.0f} s", "yellow"))
    if report.warnings:
        console.print(
            Text(
                f"{report.warnings} warnings in {short_path(log_file(report.paths.root))}",
                "yellow",
            )
        )
    _print_places(console, report)
    console.print(Text("\ntry next", "bold"))
    for command, why in commands:
        console.print(Text(f"  # {why}", "dim"))
        console.print(Text(f"  {command}", "cyan"), soft_wrap=True)


def _count(account: Account) -> Text:
    mark = (
        ("✓ the count closes", "bold green")
        if account.closed
        else ("✗ the count is OPEN", "bold red")
    )
    text = Text.assemble(
        mark, "\n  camera  ", (f"{account.triggers} triggers", "bold"), "\n  log     "
    )
    for verdict, style in STYLES.items():
        text.append(f"{account.verdicts[verdict]} {verdict}", style).append(" + ")
    return text.append(f"{account.lost} lost = ").append(f"{account.recorded}", "bold")


def _table(account: Account) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("truth", min_width=13)
    table.add_column("frames", justify="right")
    for verdict, style in STYLES.items():
        table.add_column(verdict, justify="right", header_style=f"bold {style}")
    table.add_column("refused by the gates as")
    groups = [("good",), tuple(map(str, DefectKind)), tuple(map(str, FrameFault)), ("unknown",)]
    for group in groups:
        rows = [row for row in account.rows if row.kind in group]
        for row in rows:
            reasons = ", ".join(f"{reason} {count}" for reason, count in row.reasons.most_common())
            cells = [_cell(row, verdict) for verdict in STYLES]
            table.add_row(str(row.kind).replace("_", " "), str(row.seen), *cells, reasons)
        if rows:
            table.add_section()
    return table


def _cell(row: TruthRow, verdict: str) -> Text:
    """A count: a dot for none, bold red where there should be none."""
    count = row.verdicts[verdict]
    if not count:
        return Text("·", "dim")
    if row.kind == "good":
        expected = "PASS"
    else:
        expected = "INVALID" if row.kind in set(map(str, FrameFault)) else "FAIL"
    return Text(str(count), STYLES[verdict] if verdict == expected else "bold red")


def _figures(report: DemoReport) -> Text:
    latencies, steps_ms, status = report.latencies, report.account.steps_ms, report.status
    text = Text.assemble(("frame to verdict  ", "dim"))
    if latencies.frames:
        text.append(
            f"p50 {latencies.p50_ms:.1f} ms, p99 {latencies.p99_ms:.1f} ms, "
            f"max {latencies.max_ms:.1f} ms",
            "bold",
        )
    steps = ("read", "gates", "prepare", "infer", "evidence")
    medians = [f"{step} {steps_ms[step]:.1f}" for step in steps if step in steps_ms]
    text.append("\nmedian of each step (ms)  ", "dim").append(", ".join(medians))
    text.append("\nmodel  ", "dim").append(
        f"{status.model} on {status.engine}, threshold {status.threshold:g}"
    )
    return text.append("\ncamera  ", "dim").append(report.device)


def _print_places(console: Console, report: DemoReport) -> None:
    paths = report.paths
    console.print(Text(f"\nthe station's files, under {short_path(paths.root)}", "bold"))
    for what, where in (
        ("settings", paths.settings),
        ("log (DuckDB)", paths.database),
        ("evidence", paths.evidence),
        ("rendered parts", paths.emulated_parts),
        ("what it said", log_file(paths.root)),
    ):
        console.print(Text.assemble((f"  {what:<15}", "dim"), short_path(where)), soft_wrap=True)


def _row_json(row: TruthRow) -> dict[str, object]:
    return {
        "truth": str(row.kind),
        "seen": row.seen,
        **{verdict: row.verdicts[verdict] for verdict in STYLES},
        "accepted": row.accepted,
        "reasons": dict(row.reasons),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
