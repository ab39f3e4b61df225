"""The traceability log: the one place that writes rows. Rows are added, never changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import TypeVar

import duckdb

from qc_edge.domain.anchor import ChainHead
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Row
from qc_edge.service.logs import LOG
from qc_edge.store.durable import Disk
from qc_edge.store.log import chain, lookups, startup_state
from qc_edge.store.log.journal import Journal
from qc_edge.store.log.log_database import LogDatabase

_Answer = TypeVar("_Answer")


class Ledger:
    """The log of one station. Opened by the one process that runs it; any thread may commit.

    A row stands once it is in the journal: a text file that a power cut cannot make unreadable.
    The line is told then, and only afterwards the row goes into the database, so that no part waits
    for its planning. What the database lost is filled in again from the journal. One lock guards
    both: the numbers of the chain follow the order of the appends.
    """

    def __init__(self, database: Path, journal: Path, set_aside: Path, disk: Disk) -> None:
        """Open the log and read what the station goes on from (`startup_state`).

        A damaged file is kept in `set_aside` and made again; `repairs` says so, in words. Raises
        StoreError if neither the database nor a new one in its place can be opened.
        """
        self._lock = threading.Lock()
        self._journal = Journal(journal, disk)
        self._database = LogDatabase(database)
        self._closed_days: set[date] = set()
        self._unapplied: list[chain.Link] = []
        self._database.open(self._journal, set_aside)
        self._head = self._database.head
        self.startup_state = self._database.startup_state
        # The journal is read again for each file that is set aside, and says the same each time.
        self.repairs = [*self._database.repairs, *dict.fromkeys(self._journal.repairs)]

    def commit(self, rows: Sequence[Row], now: datetime) -> None:
        """Append `rows` to the journal and insert them into the database, in one transaction.

        Raises DiskFullError or StoreError. Some rows may stand in the journal all the same: call
        `reopen`, then ask `recorded_ids` which.
        """
        with self._lock:
            self._append(rows, now)
            self._apply()

    def append(self, rows: Sequence[Row], now: datetime) -> None:
        """Add `rows` to the journal, in order. On return they are durable and part of the chain,
        though not in the database.

        A row of a closed day is recorded at the first moment after it: the clock was stepped back.
        Raises DiskFullError or StoreError; then none of them stands.
        """
        with self._lock:
            self._append(rows, now)

    def apply(self) -> None:
        """Insert into the database what was appended since.

        Raises DiskFullError or StoreError: then call `reopen`.
        """
        with self._lock:
            self._apply()

    def reopen(self) -> None:
        """After a failed commit: open the database again and bring it up to the journal.

        Raises DiskFullError or StoreError if that fails too; then it may be tried again.
        """
        with self._lock:
            self._reopen()

    @property
    def head(self) -> ChainHead:
        """The newest row, which is durable: it stands in the journal."""
        return self._head

    def newest_seq(self, table: str) -> int:
        """The number in the chain of the newest row of `table`, 0 if it has none."""
        return self._database.newest_seq[table]

    def close_days(self, days: Iterable[date]) -> None:
        """From now on no row is recorded on these days (UTC), and all that were are in the
        database: they are being sealed. Raises DiskFullError or StoreError.
        """
        with self._lock:
            self._closed_days |= set(days)
            self._apply()

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The log as it is now, read beside the commits; `reopen` and `close` end it.

        Raises StoreError for whatever DuckDB raises meanwhile.
        """
        with self._lock:
            reader = self._database.new_reader()
        try:
            with self._database.snapshot(reader):
                yield reader
        finally:
            self._release_memory()

    def recorded_ids(self, frames: Iterable[FrameId]) -> set[FrameId]:
        """Those of `frames` that have a row. Raises StoreError if the log does not read."""
        ids = list(frames)
        if not ids:
            return set()
        with self._query() as log:
            return lookups.recorded_ids(log, ids)

    def newest_id_below(self, limit: FrameId) -> FrameId | None:
        """The highest id of a row below `limit`."""
        with self._query() as log:
            return lookups.newest_id_below(log, limit)

    def last_threshold_id(self) -> str | None:
        """The threshold in force at the end of the log: of its newest inspection, or of a change
        after it.
        """
        with self._query() as log:
            return lookups.last_threshold_id(log)

    def last_event_after(self, kind: str) -> str | None:
        """The column `after` of the newest event of that kind; None if there is none."""
        with self._query() as log:
            return lookups.last_event_after(log, kind)

    def put_in_force(self, record: str) -> lookups.PutInForce | None:
        """Who put the file `record` (below the state directory) in force, and when."""
        with self._query() as log:
            return lookups.put_in_force(log, record)

    def told_of(self, record: str) -> set[str]:
        """The kinds of the events that name the file `record` (below the state directory)."""
        with self._query() as log:
            return lookups.told_of(log, record)

    def ask(self, question: Callable[[duckdb.DuckDBPyConnection], _Answer]) -> _Answer:
        """The answer to a question that its own module puts to the log."""
        with self._query() as log:
            return question(log)

    def day_counts(self, since: datetime, until: datetime) -> startup_state.DayCounts:
        """The tally of what was recorded from `since` up to but without `until` (aware UTC)."""
        with self._query() as log:
            return startup_state.day_counts(log, since, until)

    def recent_frames(self, since: datetime, most: int) -> list[startup_state.RecentFrame]:
        """The newest `most` frames that were recorded after `since`, oldest first."""
        with self._query() as log:
            return startup_state.recent_frames(log, since, most)

    def checkpoint(self, *, paused: bool) -> None:
        """Call it while nothing waits: does what would hold up a commit later.

        `paused`: no frame has come for a while, so it may take up to 1 s. Raises DiskFullError or
        StoreError; the rows stand in the journal.
        """
        with self._lock:
            self._database.checkpoint(paused=paused)

    def close(self) -> None:
        """Close cleanly, so that the next start finds no write-ahead log."""
        with self._lock:
            self._database.close()
            self._journal.close()

    def _append(self, rows: Sequence[Row], now: datetime) -> None:
        if self._database.is_behind:
            self._reopen()
        links, previous = [], self._head.sha256
        for seq, row in enumerate(rows, self._head.seq + 1):
            links.append(chain.link(self._on_an_open_day(row), seq, previous))
            previous = links[-1].sha256
        self._journal.append(links, now)
        # Only now: rows that the journal did not take leave no gap in the chain.
        self._head = links[-1].head
        self._unapplied += links

    def _apply(self) -> None:
        links, self._unapplied = self._unapplied, []
        if links and not self._database.is_behind:
            self._database.insert(links)

    def _reopen(self) -> None:
        self._unapplied = []  # they stand in the journal and come into the database from there
        self._database.reopen(self._journal)
        self._head = self._database.head

    @contextmanager
    def _query(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            self._apply()
            with self._database.start_query() as log:
                yield log

    def _release_memory(self) -> None:
        # Does not wait: where somebody is at the log, the next reader's end does it.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._database.release_memory_if_unread()
        except duckdb.ConnectionException:
            pass  # closed meanwhile
        except duckdb.Error as fault:
            # What the reader met counts for it, and the next commit meets this one again.
            LOG.warning("what was read of the log stays in memory: %s", fault)
        finally:
            self._lock.release()

    def _on_an_open_day(self, row: Row) -> Row:
        """The row; one of a closed day is recorded at the first moment after it."""
        at = row.recorded_at.astimezone(timezone.utc)
        day = at.date()
        while day in self._closed_days:
            day += timedelta(days=1)
        if day == at.date():
            return row
        return replace(row, recorded_at=datetime.combine(day, time(), timezone.utc))
