"""What a running station looks up in its log: rows by their ids, and the newest of a kind.

Asked by number or by id, for the reason that `startup_state` gives. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from qc_edge.domain.frame import FrameId

_LAST_ROWS = 100_000
"""A part is open for seconds; a backlog is worked off in the order of time."""


@dataclass(frozen=True, slots=True)
class PutInForce:
    """When a record was put in force (UTC, without a zone), by whom, and the reason given."""

    at: datetime
    who: str
    why: str | None

    def __str__(self) -> str:
        reason = f": {self.why}" if self.why else ""
        return f"in force since {self.at:%Y-%m-%d %H:%M} UTC by {self.who}{reason}"


@dataclass(frozen=True, slots=True)
class LoggedAcceptance:
    """An acceptance by the log: its record, the words of its event, and the snapshots (JSON) before
    and after it.
    """

    record: str
    record_sha256: str
    detail: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LabelTarget:
    """What a label of a frame is held against: its part, the digest of its pixels, its size."""

    part_id: str
    raw_sha256: str | None
    width: int | None
    height: int | None


def label_targets(
    log: duckdb.DuckDBPyConnection, frames: Sequence[FrameId]
) -> dict[FrameId, LabelTarget]:
    """Those of `frames` that have an inspection, with what labels of them are held against."""
    rows = log.execute(
        "SELECT frame_id, part_id, raw_sha256, width, height FROM inspections "
        "WHERE frame_id BETWEEN $low AND $high AND frame_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"low": min(frames), "high": max(frames), "ids": list(frames)},
    ).fetchall()
    return {FrameId(frame): LabelTarget(*values) for frame, *values in rows}


def recorded_labels(log: duckdb.DuckDBPyConnection, records: Sequence[str]) -> set[str]:
    """Those of `records` (labels.record_id) that have a row."""
    rows = log.execute(
        "SELECT record_id FROM labels WHERE record_id IN (SELECT unnest($1::VARCHAR[]))",
        [list(records)],
    ).fetchall()
    return {record for (record,) in rows}


def recorded_holds(log: duckdb.DuckDBPyConnection, entries: Sequence[str]) -> set[str]:
    """Those of `entries` (holds.entry_id) that have a row."""
    rows = log.execute(
        "SELECT entry_id FROM holds WHERE entry_id IN (SELECT unnest($1::VARCHAR[]))",
        [list(entries)],
    ).fetchall()
    return {entry for (entry,) in rows}


def recorded_ids(log: duckdb.DuckDBPyConnection, ids: Sequence[FrameId]) -> set[FrameId]:
    """Those of `ids` that have a row in any table. Raises duckdb.Error."""
    # BETWEEN beside IN: DuckDB skips row groups by a range, not by a list.
    rows = log.execute(
        "SELECT frame_id FROM inspections WHERE frame_id BETWEEN $low AND $high "
        "AND frame_id IN (SELECT unnest($ids::VARCHAR[])) UNION ALL "
        "SELECT gap_id FROM gaps WHERE gap_id IN (SELECT unnest($ids::VARCHAR[])) UNION ALL "
        "SELECT event_id FROM events WHERE event_id IN (SELECT unnest($ids::VARCHAR[])) UNION ALL "
        "SELECT label_id FROM labels WHERE label_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"low": min(ids), "high": max(ids), "ids": list(ids)},
    ).fetchall()
    return {FrameId(name) for (name,) in rows}


def last_threshold_id(log: duckdb.DuckDBPyConnection) -> str | None:
    """The threshold in force at the end: of the newest inspection, or of a change after it."""
    row = log.execute(
        "SELECT threshold_id FROM ("
        "(SELECT chain_seq, threshold_id FROM inspections ORDER BY chain_seq DESC LIMIT 1) "
        "UNION ALL (SELECT chain_seq, after FROM events "
        "WHERE kind = 'threshold' ORDER BY chain_seq DESC LIMIT 1)) "
        "ORDER BY chain_seq DESC LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def last_event_after(log: duckdb.DuckDBPyConnection, kind: str) -> str | None:
    """The column `after` of the newest event of that kind; None if there is none."""
    row = log.execute(
        "SELECT after FROM events WHERE kind = ? ORDER BY chain_seq DESC LIMIT 1", [kind]
    ).fetchone()
    return row[0] if row else None


def put_in_force(log: duckdb.DuckDBPyConnection, record: str) -> PutInForce | None:
    """The newest event that put the file `record` in force, else the first snapshot that has it;
    None if no event names it. Raises duckdb.Error.
    """
    own = log.execute(
        "SELECT recorded_at, who, why FROM events WHERE record = ? "
        "AND kind NOT IN ('in_force', 'activation_refused', 'recipe_refused') "
        "ORDER BY chain_seq DESC LIMIT 1",
        [record],
    ).fetchone()
    snapshot = log.execute(
        "SELECT recorded_at, who, why FROM events WHERE kind = 'in_force' AND contains(after, ?) "
        "ORDER BY chain_seq LIMIT 1",
        [f'"{record}"'],
    ).fetchone()
    row = own or snapshot
    return PutInForce(*row) if row else None


def told_of(log: duckdb.DuckDBPyConnection, record: str) -> set[str]:
    """The kinds of the events that name the file `record`. Raises duckdb.Error."""
    rows = log.execute("SELECT DISTINCT kind FROM events WHERE record = ?", [record]).fetchall()
    return {kind for (kind,) in rows}


def records_since(log: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[str, str]]:
    """(path, sha256) of each record of a threshold, a calibration or a model behind the newest
    event of that kind, oldest first. Raises duckdb.Error.
    """
    return log.execute(
        "SELECT record, record_sha256 FROM events WHERE chain_seq > "
        "(SELECT coalesce(max(chain_seq), 0) FROM events WHERE kind = ?) "
        "AND kind IN ('threshold', 'calibration', 'model', 'recipe') "
        "AND record IS NOT NULL ORDER BY chain_seq",
        [kind],
    ).fetchall()


def last_acceptance(log: duckdb.DuckDBPyConnection) -> LoggedAcceptance | None:
    """The newest acceptance of moved scores that came into force; None if there is none, or none
    with a record. Raises duckdb.Error.
    """
    row = log.execute(
        "SELECT chain_seq, record, record_sha256, detail FROM events "
        "WHERE kind = 'scores_accepted' AND record IS NOT NULL ORDER BY chain_seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    seq, record, sha256, detail = row
    snapshots = "SELECT after FROM events WHERE kind = 'in_force' AND chain_seq"
    before = log.execute(f"{snapshots} < ? ORDER BY chain_seq DESC LIMIT 1", [seq]).fetchone()
    after = log.execute(f"{snapshots} > ? ORDER BY chain_seq LIMIT 1", [seq]).fetchone()
    if before is None or after is None:
        return None
    return LoggedAcceptance(record, sha256, detail, before[0], after[0])


def events_since(log: duckdb.DuckDBPyConnection, kind: str) -> set[tuple[str, str | None]]:
    """(kind, `after`) of each event behind the newest of that kind; of all if there is none."""
    rows = log.execute(
        "SELECT kind, after FROM events WHERE chain_seq > "
        "(SELECT coalesce(max(chain_seq), 0) FROM events WHERE kind = ?)",
        [kind],
    ).fetchall()
    return set(rows)


def changeovers_since(log: duckdb.DuckDBPyConnection, limit: FrameId) -> list[tuple[FrameId, str]]:
    """(event_id, `before`) of the changeovers above `limit`, oldest first. Raises duckdb.Error."""
    return log.execute(
        "SELECT event_id, before FROM events WHERE kind = 'recipe' AND event_id > ? "
        "ORDER BY event_id",
        [limit],
    ).fetchall()


def newest_id_below(log: duckdb.DuckDBPyConnection, limit: FrameId) -> FrameId | None:
    """The highest id of a frame, a gap, an event or a label below `limit`. Raises duckdb.Error."""
    ((newest,),) = log.execute(
        "SELECT max(id) FROM (SELECT max(frame_id) AS id FROM inspections WHERE frame_id < $1 "
        "UNION ALL SELECT max(gap_id) FROM gaps WHERE gap_id < $1 "
        "UNION ALL SELECT max(event_id) FROM events WHERE event_id < $1 "
        "UNION ALL SELECT max(label_id) FROM labels WHERE label_id < $1)",
        [limit],
    ).fetchall()
    return FrameId(newest) if newest else None


def unconfirmed(
    log: duckdb.DuckDBPyConnection, output: str, dispositions: Sequence[str], within_s: float
) -> list[tuple[int, FrameId | None, str | None, str, str]]:
    """(sequence, frame_id, part_id, disposition, reason) of what this output told as one of
    `dispositions`, within so long before its newest row, and of which no row says that the part is
    out of the way: the station was killed meanwhile. Raises duckdb.Error.
    """
    return log.execute(
        "WITH mine AS (SELECT * FROM told WHERE output = $1 "
        "AND chain_seq > (SELECT coalesce(max(chain_seq), 0) - $4 FROM told)) "
        "SELECT sequence, frame_id, part_id, disposition, reason FROM mine AS first "
        "WHERE list_contains($2, disposition) "
        "AND outcome IN ('acknowledged', 'unacknowledged', 'shown') "
        "AND told_at > (SELECT max(ended_at) - to_microseconds($3) FROM mine) "
        "AND NOT EXISTS (SELECT 1 FROM mine WHERE sequence = first.sequence "
        "AND outcome IN ('ejected', 'unconfirmed', 'passed') AND recorded_at >= first.told_at) "
        "ORDER BY chain_seq",
        [output, list(dispositions), int(within_s * 1e6), _LAST_ROWS],
    ).fetchall()
