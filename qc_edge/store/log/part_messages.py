"""What a station looks up in its log of parts to tell somebody later: those behind a given one.

A part is an inspection that is no view, or a row of `parts`. Asked by number, for the reason that
`startup_state` gives. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timezone

import duckdb

from qc_edge.domain.frame import FrameId


@dataclass(frozen=True, slots=True)
class LoggedPart:
    """One part as its row has it, HOLD where it was too late for the line. Times are UTC without a
    zone; `reason` is the stable code.
    """

    frame_id: FrameId
    part_id: str
    part_source: str
    lot: str | None
    captured_at: datetime
    recorded_at: datetime
    recipe: str | None
    disposition: str
    reason: str
    detail: str
    score: float | None


# The event of a part that was told too late begins with its id (inspection.announcer).
_PARTS = """
WITH late AS (SELECT split_part(split_part(detail, ':', 1), ',', 1) AS frame_id FROM events
              WHERE chain_seq > $seq AND kind = 'late_announcement'),
every AS (
    SELECT chain_seq, frame_id, part_id, part_source, lot, captured_at, recorded_at, recipe,
           disposition, coalesce(hold_reason, reason) AS reason, detail, score
    FROM inspections WHERE chain_seq > $seq AND attempt_id IS NULL
    UNION ALL
    SELECT chain_seq, attempt_id, part_id, part_source, lot, captured_at, recorded_at, recipe,
           disposition, reason, detail, score
    FROM parts WHERE chain_seq > $seq)
"""

_COLUMNS = ", ".join(
    {
        "disposition": "CASE WHEN frame_id IN (FROM late) THEN 'HOLD' ELSE disposition END",
        "reason": "CASE WHEN frame_id IN (FROM late) AND disposition <> 'HOLD' THEN 'late' "
        "ELSE reason END",
    }.get(field.name, field.name)
    for field in fields(LoggedPart)
)


def parts_after(
    log: duckdb.DuckDBPyConnection, seq: int, oldest: datetime, most: int
) -> list[LoggedPart]:
    """The first `most` parts behind the number `seq` of the chain that were recorded since
    `oldest`, in order. Raises duckdb.Error.
    """
    rows = log.execute(
        f"{_PARTS} SELECT {_COLUMNS} FROM every WHERE recorded_at >= $oldest "  # noqa: S608
        "ORDER BY chain_seq LIMIT $most",
        {"seq": seq, "oldest": _utc(oldest), "most": most},
    ).fetchall()
    return [LoggedPart(*row) for row in rows]


def count_before(log: duckdb.DuckDBPyConnection, seq: int, oldest: datetime) -> int:
    """How many parts behind `seq` were recorded before `oldest`. Raises duckdb.Error."""
    row = log.execute(
        f"{_PARTS} SELECT count(*) FROM every WHERE recorded_at < $oldest",  # noqa: S608
        {"seq": seq, "oldest": _utc(oldest)},
    ).fetchone()
    return int(row[0]) if row else 0


def seq_of(log: duckdb.DuckDBPyConnection, frame: str, otherwise: int) -> int:
    """The number in the chain of the part with this id; `otherwise` if the log has none. Raises
    duckdb.Error.
    """
    row = log.execute(
        "SELECT max(chain_seq) FROM ("
        "SELECT chain_seq FROM inspections WHERE frame_id = $frame AND attempt_id IS NULL "
        "UNION ALL SELECT chain_seq FROM parts WHERE attempt_id = $frame)",
        {"frame": frame},
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else otherwise


def _utc(at: datetime) -> datetime:
    return at.astimezone(timezone.utc).replace(tzinfo=None)
