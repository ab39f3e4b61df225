"""The result of the demo's changeover: for a person, or as JSON-ready values for a script."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from qc_edge.demo.changeover.account import ChangeoverAccount
from qc_edge.demo.changeover.run import ChangeoverReport
from qc_edge.demo.changeover.station import BY, PRODUCTS, VIEWS, WHY

_STYLES = {"ACCEPT": "green", "REJECT": "red", "HOLD": "yellow"}


def to_json_values(report: ChangeoverReport) -> dict[str, object]:
    """The key `changeover` of what `qc-edge demo --json` prints."""
    account = report.account
    return {
        "closed": account.closed,
        "triggers": dict(account.triggers),
        "recorded": dict(account.recorded),
        "outcome": report.outcome,
        "by": BY,
        "reason": WHY,
        "took_ms": round(report.took_ms, 1),
        "dispositions": dict(account.dispositions),
        "parts": [
            {
                "part_id": part.part_id,
                "recipe": part.recipe,
                "views": dict(part.verdicts),
                "disposition": part.disposition,
                "reason": part.reason,
                "defective": part.is_bad,
            }
            for part in account.parts
        ],
    }


def print_summary(console: Console, report: ChangeoverReport) -> None:
    """The report for a person, at most 80 columns wide."""
    account = report.account
    mark, style = ("✗", "bold red") if report.faults else ("✓", "bold green")
    words = f"{mark} two cameras, one answer for each part, and a changeover between two products"
    console.print(Text(words, style))
    console.print(_counts(account))
    for part in account.rejected_by_one_view:
        said = ", ".join(f"{view} {part.verdicts.get(view, '-')}" for view in VIEWS)
        line = Text(f"  part {part.part_id}, {part.recipe}: {said}: ")
        console.print(line.append(part.disposition, _STYLES[part.disposition]))
    console.print(
        Text.assemble(
            ("  changeover  ", "dim"),
            " → ".join(product.recipe for product in PRODUCTS),
            f", {report.outcome or 'no answer'} after {report.took_ms:.0f} ms",
        )
    )
    for fault in report.faults:
        console.print(Text(f"✗ {fault}", "bold red"))


def _counts(account: ChangeoverAccount) -> Text:
    text = Text.assemble(("  cameras  ", "dim"))
    counts = [f"{name} {count} triggers" for name, count in account.triggers.items()]
    text.append(", ".join(counts))
    text.append("\n  parts    ", "dim")
    for number, (disposition, style) in enumerate(_STYLES.items()):
        text.append(" + " if number else "")
        text.append(f"{account.dispositions[disposition]} {disposition}", style)
    return text.append(f" = {len(account.parts)}", "bold")
