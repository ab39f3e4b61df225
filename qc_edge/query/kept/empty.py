"""Tables that a log of an earlier version does not have, as tables without rows."""

from __future__ import annotations

from qc_edge.domain.inspection import COLUMNS
from qc_edge.query.source import LogSource

_TYPES = {
    "recorded_at": "TIMESTAMP",
    "since": "TIMESTAMP",
    "until": "TIMESTAMP",
    "said_at": "TIMESTAMP",
    "bytes": "BIGINT",
}


def relation_or_none(log: LogSource, table: str) -> str:
    """What stands behind FROM for the rows of `holds` or `deletions`; none in an earlier log."""
    relation = log.relation(table)
    if relation is not None:
        return relation
    columns = [f"NULL::{_TYPES.get(name, 'VARCHAR')} AS {name}" for name in COLUMNS[table]]
    return f"(SELECT {', '.join([*columns, 'NULL::BIGINT AS chain_seq'])} WHERE false)"
