"""Rows to fill a log with, and a log's content to compare."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from qc_edge.domain.events import Event
from qc_edge.domain.frame import frame_id
from qc_edge.domain.inspection import COLUMNS, Gap, Row
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger

NOW = datetime(2026, 11, 23, 10, 59, 58, 123456, timezone.utc)


def event(number: int, at: datetime = NOW, detail: str = "words") -> Event:
    """An event that is told apart by `number`."""
    name = frame_id(round(NOW.timestamp() * 1e6) + number, "station")
    return Event(name, at, "line1", "test", "tester", detail, None, str(number))


def gap(number: int, at: datetime = NOW) -> Gap:
    """A gap that is told apart by `number`."""
    name = frame_id(round(NOW.timestamp() * 1e6) + number, "top")
    return Gap(name, at, "line1", "top", None, at, 1, "failed_grab", "the tést's", number, number)


def open_ledger(state: Path, disk: Disk | None = None) -> Ledger:
    """The log under `state`."""
    (state / "journal").mkdir(parents=True, exist_ok=True)
    return Ledger(state / "log.duckdb", state / "journal", state / "set-aside", disk or Disk())


def fill(ledger: Ledger, rows: int, first: int = 0, at: datetime = NOW) -> list[Row]:
    """Commit `rows` gaps and events in turn, in batches of 1, 2, 3 ... 7, 1, 2 ..."""
    made: list[Row] = [
        (event if number % 2 else gap)(number, at) for number in range(first, first + rows)
    ]
    start, size = 0, 1
    while start < rows:
        ledger.commit(made[start : start + size], at + timedelta(microseconds=start))
        start, size = start + size, size % 7 + 1
    return made


def content(ledger: Ledger) -> list[tuple[str, ...]]:
    """All rows in the database: number in the chain, hash, id and time, in order."""
    keys = {"inspections": "frame_id", "gaps": "gap_id", "events": "event_id"}
    with ledger.snapshot() as log:
        return sorted(
            row
            for table in COLUMNS
            if table in keys
            for row in log.execute(
                f"SELECT chain_seq, chain_hash, {keys[table]}, CAST(recorded_at AS VARCHAR) FROM "
                f"{table}"
            ).fetchall()
        )
