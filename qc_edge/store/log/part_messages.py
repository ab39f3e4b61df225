"""What a station looks up in its log of parts to tell somebody later: those behind a given one.

A part is an inspection that is no view, or a row of `parts`. Asked by number, for the reason that
`startup_state` gives. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timezone

import duckdb

from qc_edge.domain.frame import FrameId


@dataclass(frozen=True, slots=True)
class LoggedPart:
    """One part as its row has it, but HOLD where it was too late for the line, and no ACCEPT where
    nobody knows whether the line was told. Times are UTC without a zone; `reason` is the stable
    code.
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


# The event of a part that was told too late, or perhaps not, begins with its id or with that of one
# of its frames (inspection.announcer, inspection.retirement).
_PARTS = """
WITH told AS (SELECT split_part(split_part(detail, ':', 1), ',', 1) AS frame_id, kind FROM events
              WHERE chain_seq > $seq AND kind IN ('late_announcement', 'announcement_unknown')),
late AS (SELECT frame_id FROM told WHERE kind = 'late_announcement'),
unknown AS (SELECT frame_id FROM told WHERE kind = 'announcement_unknown'
            UNION ALL SELECT unnest(CAST($perhaps_untold AS VARCHAR[]))),
every AS (
    SELECT chain_seq, frame_id, part_id, part_source, lot, captured_at, recorded_at, recipe,
           disposition, coalesce(hold_reason, reason) AS reason, detail, score,
           frame_id IN (FROM unknown) AS is_unknown
    FROM inspections WHERE chain_seq > $seq AND attempt_id IS NULL
    UNION ALL
    SELECT chain_seq, attempt_id, part_id, part_source, lot, captured_at, recorded_at, recipe,
           disposition, reason, detail, score,
           list_has_any(list_append(string_split(frames, ' '), attempt_id),
                        (SELECT list(frame_id) FROM unknown))
    FROM parts WHERE chain_seq > $seq)
"""

_COLUMNS = ", ".join(
    {
        "disposition": "CASE WHEN frame_id IN (FROM late) THEN 'HOLD' "
        "WHEN is_unknown AND disposition = 'ACCEPT' THEN 'HOLD' ELSE disposition END",
        "reason": "CASE WHEN frame_id IN (FROM late) AND disposition <> 'HOLD' THEN 'late' "
        "WHEN is_unknown AND disposition = 'ACCEPT' THEN 'recovered' ELSE reason END",
    }.get(field.name, field.name)
    for field in fields(LoggedPart)
)


def parts_after(
    log: duckdb.DuckDBPyConnection,
    seq: int,
    oldest: datetime,
    most: int,
    perhaps_untold: Collection[FrameId],
) -> list[LoggedPart]:
    """The first `most` parts behind the number `seq` of the chain that were recorded since
    `oldest`, in order. Of those that are `perhaps_untold` the log may have no event yet. Raises
    duckdb.Error.
    """
    rows = log.execute(
        f"{_PARTS} SELECT {_COLUMNS} FROM every WHERE recorded_at >= $oldest "  # noqa: S608
        "ORDER BY chain_seq LIMIT $most",
        {
            "seq": seq,
            "oldest": _utc(oldest),
            "most": most,
            "perhaps_untold": list(perhaps_untold),
        },
    ).fetchall()
    return [LoggedPart(*row) for row in rows]


def count_before(log: duckdb.DuckDBPyConnection, seq: int, oldest: datetime) -> int:
    """How many parts behind `seq` were recorded before `oldest`. Raises duckdb.Error."""
    row = log.execute(
        "SELECT count(*) FROM ("
        "SELECT recorded_at FROM inspections WHERE chain_seq > $seq AND attempt_id IS NULL "
        "UNION ALL SELECT recorded_at FROM parts WHERE chain_seq > $seq) "
        "WHERE recorded_at < $oldest",
        {"seq": seq, "oldest": _utc(oldest)},
    ).fetchone()
    return int(row[0]) if row else 0


def parts_of(log: duckdb.DuckDBPyConnection, frames: Collection[FrameId]) -> set[FrameId]:
    """The parts that have a row of one of these frames, by their ids. Raises duckdb.Error."""
    rows = log.execute(
        "SELECT coalesce(attempt_id, frame_id) FROM inspections "
        "WHERE frame_id IN (SELECT unnest(CAST(? AS VARCHAR[])))",
        [list(frames)],
    ).fetchall()
    return {FrameId(row[0]) for row in rows}


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
