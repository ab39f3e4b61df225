"""What a start asks its log of parts that several views see. Writes nothing.

Asked by number, for the reason that `startup_state` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import duckdb

from qc_edge.domain.frame import FrameId

_LAST_ROWS = 100_000
"""A part is open for seconds; a backlog is worked off in the order of time."""


@dataclass(frozen=True, slots=True)
class HalfSeenFrame:
    """A frame of a part that has no row. `captured_at` is UTC without a zone."""

    attempt_id: FrameId
    frame_id: FrameId
    part_id: str
    part_source: str
    view: str
    recipe: str | None
    lot: str | None
    verdict: str
    reason: str
    hold_reason: str | None
    score: float | None
    captured_at: datetime
    monotonic_ns: int | None
    boot_id: str | None
    camera_frame_number: int | None


def half_seen_frames(log: duckdb.DuckDBPyConnection) -> list[HalfSeenFrame]:
    """The frames of parts that have no row, in their order. Raises duckdb.Error.

    Such a part was open when the log ended, so that its frames are among the last.
    """
    columns = ", ".join(field.name for field in fields(HalfSeenFrame))
    rows = log.execute(
        f"SELECT {columns} FROM inspections "  # noqa: S608
        "WHERE chain_seq > (SELECT coalesce(max(chain_seq), 0) FROM inspections) - $last "
        "AND attempt_id IS NOT NULL AND hold_reason IS DISTINCT FROM 'late_view' "
        "AND attempt_id NOT IN (SELECT attempt_id FROM parts WHERE chain_seq > "
        "(SELECT coalesce(max(chain_seq), 0) FROM inspections) - 2 * $last) ORDER BY chain_seq",
        {"last": _LAST_ROWS},
    ).fetchall()
    return [HalfSeenFrame(*row) for row in rows]


def recent_attempts(log: duckdb.DuckDBPyConnection, most: int) -> dict[str, int]:
    """The number of the last attempt at each part that brought an id, of the newest `most` rows of
    parts; the newest last. Raises duckdb.Error.
    """
    rows = log.execute(
        "SELECT part_id, attempt FROM (FROM parts ORDER BY chain_seq DESC LIMIT ?) "
        "WHERE part_source NOT LIKE 'counter%' AND part_source NOT LIKE 'none%' "
        "ORDER BY chain_seq",
        [most],
    ).fetchall()
    return dict(rows)


def last_parts_perhaps_untold(log: duckdb.DuckDBPyConnection) -> list[tuple[FrameId, str]]:
    """(attempt, its frames) of the parts whose rows are the last of the log but for events: whether
    the line was told of them cannot be known, unless the station stopped in order. Raises
    duckdb.Error.
    """
    return log.execute(
        "SELECT attempt_id, frames FROM parts "
        "WHERE chain_seq > (SELECT coalesce(max(chain_seq), 0) FROM inspections) "
        "AND chain_seq > (SELECT coalesce(max(chain_seq), 0) FROM events WHERE kind = 'stopped') "
        "ORDER BY chain_seq"
    ).fetchall()
