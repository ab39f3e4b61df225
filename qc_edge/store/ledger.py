"""The traceability log: the one place that writes rows. Rows are added, never changed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import duckdb

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Row
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store import chain
from qc_edge.store.checkpoint import Checkpointer
from qc_edge.store.database import (
    connect,
    insert,
    open_with_recovery,
    release_memory,
    writer_connection,
)
from qc_edge.store.durable import Disk
from qc_edge.store.journal import Journal
from qc_edge.store.readers import Readers
from qc_edge.store.startup_state import (
    DayCounts,
    StartupState,
    day_counts,
    last_event_after,
    last_threshold_id,
    newest_rows,
    read_all_rows,
    read_startup_state,
    recorded_ids,
)


class Ledger:
    """Opened by the one process that runs the station; commits from any thread, one at a time.

    Rows are promised, appended to the journal and synced, then brought into the database. If the
    database fails, they stand in the journal and `reopen` brings the database up to it.
    """

    def __init__(self, database: Path, journal: Path, set_aside: Path, disk: Disk) -> None:
        """Open the log, mend it if it must be mended (`repairs` says how), read what to go on from
        (`past`).

        Raises StoreError if neither the database nor a new one in its place can be opened.
        """
        self._path = database
        self._checkpointer = Checkpointer(database)
        self._read_all_marker = Path(f"{database}.doubt")
        self._lock = threading.Lock()
        self._disk = disk
        self._journal = Journal(journal, disk)
        self._closed_days: set[date] = set()
        self._readers = Readers()
        self._is_behind = False
        self._unapplied: list[chain.Link] = []
        self._seq, self._hash = 0, chain.GENESIS
        self.startup_state = StartupState()
        self.repairs: list[str] = []
        self.repairs[:0] = open_with_recovery(database, set_aside, self._load)
        self._read_all_marker.unlink(missing_ok=True)
        self.repairs += dict.fromkeys(self._journal.repairs)

    def commit(self, rows: Sequence[Row], now: datetime) -> None:
        """Append `rows` to the journal and insert them into the database, in one transaction.

        Raises DiskFullError or StoreError. Some rows may stand in the journal all the same: call
        `reopen`, then ask `recorded_ids` which.
        """
        with self._lock:
            self._append(rows, now)
            self._apply()

    def append(self, rows: Sequence[Row], now: datetime) -> None:
        """Add `rows`, in order. On return they are durable and part of the chain, though not in the
        database.

        A row of a closed day is recorded at the first moment after it: the clock was stepped back.
        Raises DiskFullError or StoreError; then none of them stands.
        """
        with self._lock:
            self._append(rows, now)

    def apply(self) -> None:
        """Bring what was promised into the database.

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

    def newest_seq(self, table: str) -> int:
        """The number in the chain of the newest row of `table`, 0 if it has none."""
        return self._newest[table]

    def close_days(self, days: Iterable[date]) -> None:
        """From now on no row is recorded on these days (UTC)."""
        with self._lock:
            self._closed_days |= set(days)

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The log as it is now, in a transaction beside the commits; `reopen` and `close` end it.

        Raises StoreError for whatever DuckDB raises meanwhile.
        """
        with self._lock:
            cursor = self._readers.cursor(self._log)
        try:
            cursor.execute("USE log")
            cursor.execute("BEGIN")
            yield cursor
        except duckdb.Error as fault:
            raise _store_error(self._path, fault) from fault
        finally:
            self._readers.close(cursor)
            self._release_memory()

    def _release_memory(self) -> None:
        """Of what was read. Does not wait: if somebody is at the log, the next reader does it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._readers and not self._is_behind:
                release_memory(self._log)
        except duckdb.ConnectionException:
            pass  # closed meanwhile
        except (
            duckdb.Error
        ) as fault:  # what the reader met counts, and the next commit meets this again
            LOG.warning("what was read of the log stays in memory: %s", fault)
        finally:
            self._lock.release()

    def recorded_ids(self, frames: Iterable[FrameId]) -> set[FrameId]:
        """Those of `frames` that have a row. Raises StoreError if the log does not read."""
        wanted = list(frames)
        if not wanted:
            return set()
        with self._query():
            return recorded_ids(self._log, wanted)

    def last_threshold_id(self) -> str | None:
        """The threshold in force at the end of the log: of its newest inspection, or of a change
        after it.
        """
        with self._query():
            return last_threshold_id(self._log)

    def last_event_after(self, kind: str) -> str | None:
        """What the newest event of that kind says in `after`."""
        with self._query():
            return last_event_after(self._log, kind)

    def day_counts(self, day: datetime) -> DayCounts:
        """The tally of the UTC day that `day` falls in."""
        with self._query():
            return day_counts(self._log, day)

    @contextmanager
    def _query(self) -> Iterator[None]:
        """A start reads little of a long log. What does not read later makes the next start read
        all.
        """
        with self._lock:
            self._apply()
            try:
                yield
            except duckdb.Error as fault:
                with suppress(OSError):
                    self._read_all_marker.touch()
                raise _store_error(self._path, fault) from fault

    def checkpoint(self, *, paused: bool) -> None:
        """For when nothing waits, or the line has even `paused`: what would else hold up a commit.

        Raises DiskFullError or StoreError; the rows stand in the journal.
        """
        with self._lock:
            if self._is_behind:
                return
            try:
                if self._checkpointer.run_if_due(self._log, paused=paused) and not self._readers:
                    release_memory(self._log)
            except duckdb.Error as fault:
                self._is_behind = True
                raise _store_error(self._path, fault) from fault

    def close(self) -> None:
        """Close cleanly, so that the next start finds no write-ahead log."""
        with self._lock:
            self._readers.end()
            self._writer.close()
            self._log.close()
            self._journal.close()

    def _load(self, log: duckdb.DuckDBPyConnection) -> None:
        """At start: up to the journal, and read once where the start will read."""
        self._log, self._writer = log, writer_connection(log)
        try:
            self._seq, self._hash = self._newest_in_database()
            self._catch_up()
            if self._read_all_marker.exists():
                read_all_rows(log)
            self.startup_state = read_startup_state(log)
            day_counts(log, utc_now())
        except BaseException:
            self._writer.close()  # else the damaged file stays open
            raise

    def _append(self, rows: Sequence[Row], now: datetime) -> None:
        if self._is_behind:
            self._reopen()
        links, previous = [], self._hash
        for seq, row in enumerate(rows, self._seq + 1):
            links.append(chain.link(self._on_an_open_day(row), seq, previous))
            previous = links[-1].sha256
        self._journal.append(links, now)
        self._seq, self._hash = links[-1].seq, links[-1].sha256
        self._unapplied += links

    def _apply(self) -> None:
        links, self._unapplied = self._unapplied, []
        if not links or self._is_behind:
            return
        try:
            insert(self._writer, links)
        except duckdb.Error as fault:
            # The rows stand in the journal; without them here, the next ones would leave a hole.
            self._is_behind = True
            raise _store_error(self._path, fault) from fault
        self._newest |= {each.table: each.seq for each in links}

    def _reopen(self) -> None:
        self._is_behind, self._unapplied = True, []
        self._readers.end()
        self._writer.close()
        self._log.close()
        try:
            self._log = connect(self._path)
            self._writer = writer_connection(self._log)
            self._seq, self._hash = self._newest_in_database()
            self._catch_up()
            release_memory(self._log)
        except duckdb.Error as fault:
            raise _store_error(self._path, fault) from fault
        self._is_behind = False

    def _on_an_open_day(self, row: Row) -> Row:
        at = row.recorded_at.astimezone(timezone.utc)
        day = at.date()
        while day in self._closed_days:
            day += timedelta(days=1)
        if day == at.date():
            return row
        return replace(row, recorded_at=datetime.combine(day, time(), timezone.utc))

    def _catch_up(self) -> None:
        added = 0
        for portion in self._journal.after(self._seq, self._hash):
            insert(self._writer, portion)
            self._newest |= {each.table: each.seq for each in portion}
            self._seq, self._hash = portion[-1].seq, portion[-1].sha256
            added += len(portion)
        if added:
            self.repairs.append(f"{added} rows were brought into the database from the journal")

    def _newest_in_database(self) -> tuple[int, str]:
        newest = newest_rows(self._log)
        self._newest = {table: row[0] if row else 0 for table, row in newest.items()}
        seq, sha256 = max((row for row in newest.values() if row), default=(0, chain.GENESIS))
        return seq, sha256


def _store_error(path: Path, fault: duckdb.Error) -> StoreError:
    if "No space left" in str(fault):
        return DiskFullError(
            f"{path}: no space left",
            hint="free some room; the station goes on by itself when there is enough",
        )
    return StoreError(
        f"{path}: the database refused: {fault}",
        hint="the rows are safe in the journal; a restart brings the database up to it",
    )
