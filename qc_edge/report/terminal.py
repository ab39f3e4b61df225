"""The dossier on the terminal: the same words as the report, short."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.report.dossier import Dossier, ExaminedInspection
from qc_edge.report.html import identification
from qc_edge.report.wording import checks, gate_lines, headline, match_words, sentence, timeline

_TONES = {"ACCEPTED": "green", "REJECTED": "red", "HELD": "yellow"}
_BAR = 48


def show(console: Console, dossier: Dossier) -> None:
    """Every inspection of the part, oldest first."""
    times = len(dossier.examined)
    seen = "" if times == 1 else f", seen {times} times"
    console.print(
        Text.assemble((f"part {dossier.part_id}", "bold"), f"  station {dossier.station}{seen}")
    )
    for each in dossier.examined:
        _inspection(console, each)


def _inspection(console: Console, seen: ExaminedInspection) -> None:
    row = seen.row
    word = headline(row)
    console.print()
    console.print(
        Text.assemble(
            (f" {word} ", f"bold white on {_TONES[word]}"),
            f"  {row.captured_at:%Y-%m-%d %H:%M:%S} UTC  {row.frame_id}",
        )
    )
    console.print(Text(sentence(row)))
    if row.score is not None:
        console.print(bar(row.score, row.threshold, row.review_band))
    _gates(console, seen)
    _section(console, "what judged it", identification(seen))
    console.print(Text("\ndone again now", "bold"))
    for check in checks(seen):
        sign, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("-", "dim")}[check.ok]
        console.print(
            Text.assemble((f"  {sign} ", style), check.what, (f": {check.outcome}", style))
        )
    _section(
        console,
        "evidence",
        [
            (name, f"{match_words(piece)}  {path or ''}".rstrip())
            for name, piece, path in (
                ("frame", seen.raw, row.raw_path),
                ("prepared", seen.prepared, row.prepared_path),
                ("defect map", seen.map, row.map_path),
            )
        ],
    )
    _section(
        console,
        "what happened around it",
        [
            (f"{moment.at:%Y-%m-%d %H:%M:%S}", f"{moment.what}  ({moment.who})")
            for moment in timeline(seen)
        ],
    )


def bar(score: float, threshold: float, band: float) -> Text:
    """The score on a line from 0 to 1, with the threshold and the band around it."""
    line = Text("  0 ")
    for cell in range(_BAR):
        low, high = cell / _BAR, (cell + 1) / _BAR
        last = cell == _BAR - 1
        if low <= score < high or (last and score >= low):
            line.append("●", "bold red" if score >= threshold else "bold green")
        elif low <= threshold < high or (last and threshold >= low):
            line.append("|", "bold")
        else:
            near = low < threshold + band and high > threshold - band
            line.append("─", "yellow" if near else "dim")
    return line.append(" 1", "default").append(f"   score {score:.4f}, threshold {threshold:g}")


def _gates(console: Console, seen: ExaminedInspection) -> None:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("  gate", "measured", "allowed", ""):
        table.add_column(heading, justify="right" if heading == "measured" else "left")
    for gate in gate_lines(seen.row, seen.calibration):
        outcome = {True: ("within", "green"), False: ("OUTSIDE", "bold red"), None: ("", "")}[
            gate.within
        ]
        style = "bold" if gate.decided else ""
        table.add_row(
            Text(f"  {gate.name}", style),
            Text(gate.figure, style),
            Text(gate.bound, style),
            Text(*outcome),
        )
    console.print()
    console.print(table)


def _section(console: Console, title: str, lines: list[tuple[str, str]]) -> None:
    console.print(Text(f"\n{title}", "bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(Text(name, "dim"), Text(value))
    console.print(table)
