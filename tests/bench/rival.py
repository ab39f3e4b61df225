"""What most people would have built: the same rows in one SQLite table, with an index on part and
on time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.store.log.chain import CHAIN

NAMES = [*COLUMNS["inspections"], *CHAIN]
_KINDS = {"DOUBLE": "REAL", "BIGINT": "INTEGER", "INTEGER": "INTEGER", "BOOLEAN": "INTEGER"}
_PORTION = 20_000

INSERT = f"INSERT INTO inspections VALUES ({', '.join('?' * len(NAMES))})"
REPLAY = (
    "SELECT count(*), sum(verdict = 'FAIL'), sum(verdict = 'INVALID'), "
    "sum(verdict = 'PASS' AND score >= ?1), sum(verdict = 'FAIL' AND score < ?1), "
    "sum(verdict <> 'INVALID' AND (score >= threshold) <> (verdict = 'FAIL')) FROM inspections"
)


def copy(database: Path, to: Path, say: Callable[[int], object] = lambda _: None) -> None:
    """The inspections of a log at rest as a SQLite database at `to`, which must not exist."""
    building = to.with_suffix(".building")
    building.unlink(missing_ok=True)
    with duckdb.connect(str(database), read_only=True) as log:
        log.execute("SET enable_progress_bar = false")
        kinds = dict(
            log.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = "
                "'inspections'"
            ).fetchall()
        )
        rival = sqlite3.connect(building)
        rival.execute("PRAGMA journal_mode = OFF")
        rival.execute("PRAGMA synchronous = OFF")
        declared = ", ".join(f"{name} {_KINDS.get(kinds[name], 'TEXT')}" for name in NAMES)
        rival.execute(f"CREATE TABLE inspections ({declared})")
        found = log.execute(
            f"SELECT {', '.join(map(_plain(kinds), NAMES))} FROM inspections ORDER BY chain_seq"
        )
        done = 0
        while rows := found.fetchmany(_PORTION):
            rival.executemany(INSERT, rows)
            done += len(rows)
            say(done)
    rival.execute("CREATE INDEX by_part ON inspections (part_id)")
    rival.execute("CREATE INDEX by_time ON inspections (recorded_at)")
    rival.commit()
    rival.close()
    building.rename(to)


def values(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of the log as SQLite takes it."""
    return tuple(each.isoformat(sep=" ") if isinstance(each, datetime) else each for each in row)


def opened(path: Path) -> sqlite3.Connection:
    """As careful as the log: a commit is on the disk when it returns."""
    rival = sqlite3.connect(path)
    rival.execute("PRAGMA journal_mode = WAL")
    rival.execute("PRAGMA synchronous = FULL")
    return rival


def _plain(kinds: dict[str, str]) -> Callable[[str], str]:
    return lambda name: f"CAST({name} AS VARCHAR)" if kinds[name] == "TIMESTAMP" else name
