"""What lines were told held against the rows of the parts: nothing goes as good without its row."""

# ruff: noqa: S608 - names of relations and numbers
from __future__ import annotations

from qc_edge.audit.finding import AuditReport
from qc_edge.query.rows import Rows
from qc_edge.query.source import Span

_BEFORE = 100_000
"""The row of a part stands so many rows before the one of what was told of it at most."""


def check_told(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """Check the messages number `first` to `last`: ACCEPT and REJECT are what the row of the part
    says, which stands before. Raises StoreError.
    """
    with rows.held():
        told = rows.source.relation("told", Span(first=first, last=last))
        if told is None:
            return
        wide = Span(first=max(1, first - _BEFORE), last=last)
        decided = [
            f"SELECT {name} AS frame_id, chain_seq, disposition FROM {relation}"
            for table, name in (("inspections", "frame_id"), ("parts", "attempt_id"))
            if (relation := rows.source.relation(table, wide))
        ]
        known = " UNION ALL ".join(decided) or "SELECT NULL AS frame_id, 0, NULL LIMIT 0"
        query = (
            f"SELECT t.chain_seq, t.output, t.sequence, t.part_id, t.frame_id, t.disposition "
            f"FROM {told} t WHERE t.chain_seq BETWEEN {first} AND {last} "
            f"AND t.disposition IN ('ACCEPT', 'REJECT') AND NOT EXISTS (SELECT 1 FROM ({known}) d "
            f"WHERE d.frame_id = t.frame_id AND d.disposition = t.disposition "
            f"AND d.chain_seq < t.chain_seq) ORDER BY 1"
        )
        found = [row for portion in rows.source.portions(query) for row in portion]
    for seq, output, sequence, part_id, frame, disposition in found:
        report.fault(
            "told_without_row",
            f"{output} told {disposition} as {sequence}, and no row before it says so",
            f"{rows.place} row {seq}, part {part_id}, {frame}",
            "hold the part; was its row deleted? the journal has it",
        )
