"""What a station needs of its log at the start, read without going through all of it.

Rows are only ever added, so their numbers in the chain rise through the file. DuckDB keeps the
minimum and maximum of each column in each row group and skips the groups that cannot match, so the
questions here ask by number, by id or by time. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import duckdb

from qc_edge.domain.anchor import ChainHead
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import COLUMNS
from qc_edge.service.known_time import NOTHING_RECORDED, RecordedTimes
from qc_edge.store.log.chain import CHAIN

_RECENT = 100_000
"""Rows in which the highest frame id is sought: more than ever wait in a spool. It is elsewhere
only where a clock was set far back, and `_newest_id` looks for that in a second step.
"""


@dataclass(slots=True)
class DayCounts:
    """The tally of a day or a shift: frames by verdict, INVALID ones by reason, those on HOLD, and
    those that are known to be lost. `uncounted` are the frames among them that no camera numbered,
    `parts` the parts that several views see, by disposition.
    """

    verdicts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    held: int = 0
    lost: int = 0
    uncounted: int = 0
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecentFrame:
    """What tells whether a later frame is a repeat. `raw_sha256` is None if it did not decode."""

    camera: str
    is_dropped: bool
    raw_sha256: str | None
    part_id: str
    part_source: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StartupState:
    """Where ids and counters go on: the highest id of a frame, a gap, an event or a label (None in
    an empty log), and the number of the last counted part of each camera. `first_recorded_at` is
    when the first row was recorded, `recorded` until when the log goes.
    """

    newest_id: FrameId | None = None
    part_counters: dict[str, int] = field(default_factory=dict)
    first_recorded_at: datetime | None = None
    recorded: RecordedTimes = NOTHING_RECORDED


def read_startup_state(log: duckdb.DuckDBPyConnection) -> StartupState:
    """The state to go on from. Raises duckdb.Error."""
    return StartupState(
        _newest_id(log), _part_counters(log), _first_recorded_at(log), _recorded_times(log)
    )


def read_all_rows(log: duckdb.DuckDBPyConnection) -> None:
    """Read every value of every row, to find blocks that are damaged. Raises duckdb.Error.

    Hashing makes DuckDB read all columns without giving them out.
    """
    for table in COLUMNS:
        log.execute(f"SELECT bit_xor(hash({table})) FROM {table}").fetchall()  # noqa: S608


def day_counts(log: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> DayCounts:
    """The tally of what was recorded from `since` up to but without `until` (aware UTC): rows of
    later days there are where the clock was set back. Raises duckdb.Error.
    """
    span = [since.replace(tzinfo=None), until.replace(tzinfo=None)]
    counts = DayCounts()
    for verdict, reason, held, number, uncounted in log.execute(
        "SELECT verdict, reason, disposition = 'HOLD', count(*), "
        "count(*) FILTER (original_name IS NOT NULL OR camera_frame_number IS NULL) "
        "FROM inspections "
        "WHERE recorded_at >= ? AND recorded_at < ? "
        "AND hold_reason IS DISTINCT FROM 'challenge' GROUP BY ALL",
        span,
    ).fetchall():
        counts.verdicts[verdict] = counts.verdicts.get(verdict, 0) + number
        counts.held += number if held else 0
        counts.uncounted += uncounted
        if verdict == "INVALID":
            counts.reasons[reason] = counts.reasons.get(reason, 0) + number
    lost = log.execute(
        "SELECT coalesce(sum(lost), 0)::BIGINT FROM gaps "
        "WHERE recorded_at >= ? AND recorded_at < ?",
        span,
    )
    ((counts.lost,),) = lost.fetchall()
    parts = log.execute(
        "SELECT disposition, count(*) FROM parts WHERE recorded_at >= ? AND recorded_at < ? "
        "AND reason <> 'challenge' GROUP BY 1",
        span,
    )
    counts.parts = dict(parts.fetchall())
    return counts


def recent_frames(log: duckdb.DuckDBPyConnection, since: datetime, most: int) -> list[RecentFrame]:
    """The newest `most` frames that were recorded after `since`, oldest first. Raises
    duckdb.Error.
    """
    rows = log.execute(
        "SELECT camera, original_name IS NOT NULL, raw_sha256, part_id, part_source, recorded_at "
        "FROM inspections WHERE chain_seq > (SELECT max(chain_seq) FROM inspections) - ? "
        "AND recorded_at >= ? ORDER BY chain_seq",
        [most, since.replace(tzinfo=None)],
    ).fetchall()
    return [
        RecentFrame(camera, is_dropped, sha256, part_id, source, at.replace(tzinfo=timezone.utc))
        for camera, is_dropped, sha256, part_id, source, at in rows
    ]


def newest_rows(log: duckdb.DuckDBPyConnection) -> dict[str, ChainHead | None]:
    """The newest row of each table, None for a table without rows.

    Also of tables that only a newer software knows: the chain goes on behind their rows.
    """
    tables = log.execute(
        "SELECT table_name FROM duckdb_columns() "
        "WHERE database_name = 'log' AND column_name = 'chain_seq'"
    ).fetchall()
    rows = {
        table: log.execute(
            "SELECT chain_seq, chain_hash, recorded_at "  # noqa: S608
            f"FROM {table} ORDER BY chain_seq DESC LIMIT 1"
        ).fetchone()
        for table in sorted({*COLUMNS, *(name for (name,) in tables)})
    }
    return {
        table: ChainHead(row[0], row[1], row[2].replace(tzinfo=timezone.utc)) if row else None
        for table, row in rows.items()
    }


def published_columns(log: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The columns of `table` in the order of its published files. Raises duckdb.Error.

    With those that only a newer software knows, which was rolled back: the hashes of its rows are
    taken over them, too.
    """
    present = log.execute(f"PRAGMA table_info('log.{table}')").fetchall()
    known = (*COLUMNS[table], *CHAIN)
    return [*COLUMNS[table], *(name for _, name, *_ in present if name not in known), *CHAIN]


def _first_recorded_at(log: duckdb.DuckDBPyConnection) -> datetime | None:
    """By the events: a station's first row says what is in force, before anything is judged."""
    ((first,),) = log.execute("SELECT min(recorded_at) FROM events").fetchall()
    return first.replace(tzinfo=timezone.utc) if first else None


def _recorded_times(log: duckdb.DuckDBPyConnection) -> RecordedTimes:
    """The newest time of a row, those left out that a later row under a trusted clock calls wrong.

    Frames of another machine's capture are left out: `clock_trusted` is about its clock there.
    """
    trusted = log.execute(
        "SELECT chain_seq, recorded_at FROM inspections WHERE clock_trusted "
        "AND coalesce(exposure_source, 'arrival') NOT IN ('node_clock', 'unknown') "
        "ORDER BY chain_seq DESC LIMIT 1"
    ).fetchone()
    seq, at = trusted or (0, None)
    rows = " UNION ALL ".join(
        f"SELECT max(recorded_at) AS newest FROM {table} WHERE chain_seq > $seq "  # noqa: S608
        f"OR recorded_at <= $at::TIMESTAMP + INTERVAL 1 DAY"
        for table in ("inspections", "gaps", "events")
    )
    ((newest,),) = log.execute(
        f"SELECT max(newest) FROM ({rows})",  # noqa: S608
        {"seq": seq, "at": at},
    ).fetchall()
    return RecordedTimes(_micros(at), _micros(newest))


def _micros(at: datetime | None) -> int:
    """A time of the log as microseconds since the epoch; 0 for none."""
    return 0 if at is None else (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - as the log has it


def _newest_id(log: duckdb.DuckDBPyConnection) -> FrameId | None:
    """The highest id of the recent rows, then whatever is above it, which is sought by id."""
    ((last,),) = log.execute("SELECT max(chain_seq) FROM inspections").fetchall()
    ((recent,),) = log.execute(
        "SELECT max(id) FROM (SELECT max(frame_id) AS id FROM inspections WHERE chain_seq > ? "
        "UNION ALL SELECT max(gap_id) FROM gaps UNION ALL SELECT max(event_id) FROM events "
        "UNION ALL SELECT max(label_id) FROM labels)",
        [(last or 0) - _RECENT],
    ).fetchall()
    if recent is None:
        return None
    ((above,),) = log.execute(
        "SELECT max(frame_id) FROM inspections WHERE frame_id > ?", [recent]
    ).fetchall()
    return FrameId(above or recent)


def _part_counters(log: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The last counted part of each camera.

    In two steps, by number: to find it by the part ids, the text of all of them would be read.
    """
    last = log.execute(
        "SELECT max(chain_seq) FROM inspections "
        "WHERE part_source LIKE 'counter%' OR part_source LIKE 'none%' GROUP BY camera"
    ).fetchall()
    counters = {}
    for (seq,) in last:
        ((camera, part_id),) = log.execute(
            "SELECT camera, part_id FROM inspections WHERE chain_seq = ?", [seq]
        ).fetchall()
        counters[camera] = int(part_id.rpartition("-")[2])
    return counters
