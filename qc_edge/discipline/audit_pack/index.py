"""The first page of a pack: what is in it, what answers which clause, what it does not claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qc_edge.discipline.audit_pack.clauses import CLAUSES
from qc_edge.discipline.audit_pack.period import AuditPeriod
from qc_edge.discipline.sheet import Sheet, SheetSection
from qc_edge.report.shift.report_table import Cell, Column, ReportTable

_SIGNED = (
    "manifest.json has the SHA-256 of every other file, signature.json an Ed25519 signature of the "
    "manifest by the key {key}. Compare that key with the one that you were given another way, "
    "then: qc-edge audit-pack --check FILE.zip --key KEY"
)
_UNSIGNED = (
    "THIS PACK IS NOT SIGNED: manifest.json tells damage, but not that somebody altered files and "
    "manifest together. Make it with --key FILE"
)


def index_sheet(
    station: str,
    period: AuditPeriod,
    files: Mapping[str, str],
    findings: Sequence[Mapping[str, Any]],
    key: str,
    now: datetime,
) -> Sheet:
    """`files` are names with their words, `findings` those of verify, `key` "" if unsigned."""
    clauses: list[list[Cell]] = [[c.rule, c.demand, c.files, c.open] for c in CLAUSES]
    told: list[list[Cell]] = [[name, words] for name, words in files.items()]
    faults: list[list[Cell]] = [
        [str(each["severity"]), str(each["what"]), str(each["where"])] for each in findings
    ]
    is_sound = all(str(each["severity"]) == "note" for each in findings)
    return Sheet(
        "Pack for an audit",
        f"{station}, {period.name}",
        [
            ("From", f"{period.begins:%Y-%m-%d %H:%M} UTC"),
            ("To", f"{period.ends:%Y-%m-%d %H:%M} UTC"),
            ("Made", f"{now:%Y-%m-%d %H:%M} UTC"),
            ("Signed", f"by {key[:16]}…" if key else "NO"),
        ],
        [
            SheetSection(
                "What this is worth",
                words=[_SIGNED.format(key=key)] if key else [],
                alarms=[
                    *([] if key else [_UNSIGNED]),
                    *([] if is_sound else ["verify found faults: see below"]),
                    *(["The period is not over."] if now < period.ends else []),
                ],
                tables=[
                    ReportTable(
                        "verify",
                        "Found by verify",
                        (Column("how bad"), Column("what"), Column("where")),
                        faults,
                        "verify found nothing: every row follows from the one before it, and "
                        "records, seals and pictures are what the rows say",
                    )
                ],
            ),
            SheetSection(
                "Which file answers which clause",
                tables=[
                    ReportTable(
                        "clauses",
                        "",
                        (
                            Column("rule"),
                            Column("demand"),
                            Column("files"),
                            Column("what is not claimed"),
                        ),
                        clauses,
                    )
                ],
            ),
            SheetSection(
                "Files", tables=[ReportTable("files", "", (Column("file"), Column("what")), told)]
            ),
        ],
        ("SOUND", "good") if is_sound else ("FAULTS", "bad"),
    )
