"""Pictures that rules have deleted, by the rows that say so."""

from __future__ import annotations

from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.inspection import COLUMNS
from qc_edge.query.source import LogSource, Span
from qc_edge.query.typed_rows import to_row


def deletions_of(log: LogSource, frame_id: str) -> list[Deletion]:
    """The deletions of an inspection's pictures, oldest first. Raises StoreError."""
    relation = log.relation(Deletion.TABLE, Span(keys=(frame_id,)))
    if relation is None:
        return []
    names = COLUMNS[Deletion.TABLE]
    found = log.fetch(
        f"SELECT {', '.join(names)} FROM {relation} "  # noqa: S608 - names of columns
        "WHERE frame_id = $frame ORDER BY chain_seq",
        {"frame": frame_id},
    )
    return [to_row(Deletion, dict(zip(names, values, strict=True))) for values in found]
