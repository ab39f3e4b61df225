"""A part report on the terminal: the same words as the file, without the pictures."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.domain.printable import printable
from qc_edge.query.kept.hold_rows import in_effect
from qc_edge.report.announcement import describe_announcement
from qc_edge.report.check_lines import check_lines
from qc_edge.report.explanation import (
    describe_evidence,
    describe_map,
    explain_attempt,
    explain_verdict,
    headline,
)
from qc_edge.report.gate_lines import gate_lines
from qc_edge.report.identification import identification
from qc_edge.report.part_report import ExaminedInspection, PartReport
from qc_edge.report.timeline import timeline

_BADGES = {"ACCEPTED": "green", "REJECTED": "red", "HELD": "yellow"}
_BAR_CELLS = 48


def print_part_report(console: Console, report: PartReport) -> None:
    """Every inspection of the part, oldest first."""
    times = len(report.inspections)
    seen = "" if times == 1 else f", seen {times} times"
    console.print(
        Text.assemble(
            (f"part {printable(report.part_id)}", "bold"), f"  station {report.station}{seen}"
        )
    )
    for attempt in report.attempts:
        word = headline(attempt)
        console.print(
            Text.assemble(
                (f" {word} ", f"bold white on {_BADGES[word]}"),
                f"  {attempt.recorded_at:%Y-%m-%d %H:%M:%S} UTC  ",
                printable(explain_attempt(attempt)),
            )
        )
    for inspection in report.inspections:
        _print_inspection(console, inspection)


def _print_inspection(console: Console, inspection: ExaminedInspection) -> None:
    row = inspection.row
    word = headline(row)
    console.print()
    console.print(
        Text.assemble(
            (f" {word} ", f"bold white on {_BADGES[word]}"),
            f"  {row.recorded_at:%Y-%m-%d %H:%M:%S} UTC  {row.frame_id}"
            + (f"  view {row.view}" if row.attempt_id is not None else ""),
        )
    )
    console.print(Text(printable(explain_verdict(row))))
    console.print(Text(printable(describe_announcement(inspection.logged)), "dim"))
    for held in in_effect(inspection.logged.hold_entries):
        words = f"kept until released: hold {held.hold_id} by {held.who}: {held.why}"
        console.print(Text(printable(words), "bold yellow"))
    if row.score is not None:
        console.print(score_bar(row.score, row.threshold, row.review_band))
    _print_gates(console, inspection)
    _print_section(console, "what judged it", identification(inspection))
    _print_checks(console, inspection)
    evidence = (
        ("frame", describe_evidence(inspection.raw), row.raw_path),
        ("prepared", describe_evidence(inspection.prepared), row.prepared_path),
        ("defect map", describe_map(inspection.defect_map, inspection.recomputed), row.map_path),
    )
    _print_section(
        console,
        "evidence",
        [(name, f"{words}  {path or ''}".rstrip()) for name, words, path in evidence],
    )
    _print_section(
        console,
        "what happened around it",
        [
            (f"{entry.at:%Y-%m-%d %H:%M:%S}", f"{entry.what}  ({entry.who})")
            for entry in timeline(inspection)
        ],
    )


def score_bar(score: float, threshold: float, review_band: float) -> Text:
    """The score on a line from 0 to 1, with the threshold and the review band around it."""
    line = Text("  0 ")
    for cell in range(_BAR_CELLS):
        low, high = cell / _BAR_CELLS, (cell + 1) / _BAR_CELLS
        is_last = cell == _BAR_CELLS - 1  # it has the 1.0, too
        if low <= score < high or (is_last and score >= low):
            line.append("●", "bold red" if score >= threshold else "bold green")
        elif low <= threshold < high or (is_last and threshold >= low):
            line.append("|", "bold")
        else:
            in_band = low < threshold + review_band and high > threshold - review_band
            line.append("─", "yellow" if in_band else "dim")
    return line.append(" 1", "default").append(f"   score {score:.4f}, threshold {threshold:g}")


def _print_gates(console: Console, inspection: ExaminedInspection) -> None:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("  gate", "measured", "allowed", ""):
        table.add_column(heading, justify="right" if heading == "measured" else "left")
    outcomes = {True: ("within", "green"), False: ("OUTSIDE", "bold red"), None: ("", "")}
    for gate in gate_lines(inspection.row, inspection.calibration):
        style = "bold" if gate.decided else ""
        cells = (f"  {gate.name}", gate.figure, gate.bound)
        table.add_row(*(Text(cell, style) for cell in cells), Text(*outcomes[gate.within]))
    console.print()
    console.print(table)


def _print_checks(console: Console, inspection: ExaminedInspection) -> None:
    signs = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("-", "dim")}
    console.print(Text("\ndone again now", "bold"))
    for check in check_lines(inspection):
        sign, style = signs[check.ok]
        outcome = (f": {check.outcome}", style)
        console.print(Text.assemble((f"  {sign} ", style), check.what, outcome))


def _print_section(console: Console, title: str, lines: list[tuple[str, str]]) -> None:
    console.print(Text(f"\n{title}", "bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(Text(name, "dim"), Text(printable(value)))
    console.print(table)
