"""The log in DuckDB: its connections, and how far it has come after the journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import duckdb

from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.store.log import chain, startup_state
from qc_edge.store.log.checkpoint import Checkpointer
from qc_edge.store.log.database import (
    connect,
    database_error,
    end_of_opening,
    open_with_recovery,
    release_memory,
    writer_connection,
)
from qc_edge.store.log.insert import insert
from qc_edge.store.log.journal import Journal

_INTERRUPT_AGAIN_S = 0.02
"""An interrupt counts only for the statement that runs; the reader may begin another one."""


class LogDatabase:
    """The database behind a ledger, which calls everything here but `snapshot` under its lock.

    `is_behind`: an insert failed, so that the journal has rows that are missing here; `reopen`
    mends that. `head` is the newest row, `newest_seq` has the newest of each table.
    """

    def __init__(self, path: Path) -> None:
        self.is_behind = False
        self.head = chain.EMPTY
        self.newest_seq: dict[str, int] = {}
        self.startup_state = startup_state.StartupState()
        self.repairs: list[str] = []
        self._path = path
        self._checkpointer = Checkpointer(path)
        self._readers = Readers()
        self._read_all_marker = Path(f"{path}.doubt")

    def open(self, journal: Journal, set_aside: Path) -> None:
        """Open the file, insert what the journal has more, read what the start goes on from.

        A damaged file is moved to `set_aside` and made again from the journal; `repairs` says so.
        Raises StoreError if neither the database nor a new one in its place can be opened.
        """

        def load(log: duckdb.DuckDBPyConnection) -> None:
            self.connection, self._writer = log, writer_connection(log)
            try:
                self._catch_up(journal)
                if self._read_all_marker.exists():
                    startup_state.read_all_rows(log)
                # Read here what the start will ask for: damage found now can still be repaired.
                self.startup_state = startup_state.read_startup_state(log)
                now = utc_now()
                startup_state.day_counts(log, now - timedelta(days=2), now)
            except BaseException:
                # DuckDB closes a file with its last connection; open, it could not be set aside.
                self._writer.close()
                raise

        self.repairs[:0] = open_with_recovery(self._path, set_aside, load)
        self._read_all_marker.unlink(missing_ok=True)

    def reopen(self, journal: Journal) -> None:
        """Open the file again and insert what the journal has more. Ends all readers.

        DuckDB invalidates a database whose WAL could not be written: only a new connection helps.
        Raises DiskFullError or StoreError; then it is still behind.
        """
        self.is_behind = True
        self._readers.end()
        self._writer.close()
        self.connection.close()
        with self._store_errors():
            self.connection = connect(self._path)
            self._writer = writer_connection(self.connection)
            self._catch_up(journal)
            end_of_opening(self.connection)
        self.is_behind = False

    def insert(self, links: Sequence[chain.Link]) -> None:
        """Insert rows that stand in the journal. Raises DiskFullError or StoreError."""
        try:
            with self._store_errors():
                insert(self._writer, links)
        except StoreError:
            # Without these rows here, the next ones would leave a hole.
            self.is_behind = True
            raise
        self._advance(links)

    @contextmanager
    def start_query(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection, for what a start asks; a fault makes the next start read every row.

        A start reads little of a long log, so damage elsewhere would come up again and again.
        """
        try:
            yield self.connection
        except duckdb.Error as fault:
            with suppress(OSError):
                self._read_all_marker.touch()
            raise database_error(self._path, fault) from fault

    def checkpoint(self, *, paused: bool) -> None:
        """See `Checkpointer.run_if_due`. Raises DiskFullError or StoreError."""
        if self.is_behind:
            return
        try:
            with self._store_errors():
                if self._checkpointer.run_if_due(self.connection, paused=paused):
                    self.release_memory_if_unread()
        except StoreError:
            self.is_behind = True
            raise

    def new_reader(self) -> duckdb.DuckDBPyConnection:
        """A connection for one reader, who hands it to `snapshot`. Raises StoreError where `reopen`
        has failed and left none to read by.
        """
        with self._store_errors():
            return self._readers.cursor(self.connection)

    @contextmanager
    def snapshot(self, reader: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """A transaction in `reader`, which is closed at the end. Needs no lock: DuckDB lets one
        transaction read while another writes. Raises DiskFullError or StoreError.
        """
        try:
            with self._store_errors():
                reader.execute("USE log")
                reader.execute("BEGIN")
                yield
        finally:
            self._readers.close(reader)

    def release_memory_if_unread(self) -> None:
        """Release what readers have brought into memory, unless somebody reads. Raises
        duckdb.Error.
        """
        if not self._readers and not self.is_behind:
            release_memory(self.connection)

    def close(self) -> None:
        """Close cleanly, so that the next start finds no write-ahead log."""
        self._readers.end()
        self._writer.close()
        self.connection.close()

    def _catch_up(self, journal: Journal) -> None:
        newest = startup_state.newest_rows(self.connection)
        self.newest_seq = {table: row.seq if row else 0 for table, row in newest.items()}
        rows = [row for row in newest.values() if row]
        self.head = max(rows, key=lambda row: row.seq, default=chain.EMPTY)
        added = 0
        for portion in journal.after(self.head.seq, self.head.sha256):
            insert(self._writer, portion)
            self._advance(portion)
            added += len(portion)
        if added:
            self.repairs.append(f"{added} rows were brought into the database from the journal")

    def _advance(self, links: Sequence[chain.Link]) -> None:
        self.newest_seq |= {link.table: link.seq for link in links}
        self.head = links[-1].head

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as fault:
            raise database_error(self._path, fault) from fault


class Readers:
    """The connections of everybody who reads the log. Used from any thread.

    A file cannot be opened again while a connection to it is open in the same process, so `end`
    makes sure that none is left.
    """

    def __init__(self) -> None:
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._one_ended = threading.Condition()

    def __bool__(self) -> bool:
        """True while somebody reads."""
        return bool(self._cursors)

    def cursor(self, log: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one reader, who gives it back to `close`."""
        with self._one_ended:
            cursor = log.cursor()
            self._cursors.add(cursor)
        return cursor

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take back the connection of a reader that is done."""
        with self._one_ended:
            # Closed and forgotten in one step: DuckDB raises where `end` interrupts one that is
            # closed.
            cursor.close()
            self._cursors.discard(cursor)
            self._one_ended.notify_all()

    def end(self) -> None:
        """Interrupt all readers and wait until they are gone; call it so that no new one comes."""
        with self._one_ended:
            # Interrupted, a reader fails on its own thread and closes its connection there.
            while self._cursors:
                for cursor in self._cursors:
                    cursor.interrupt()
                self._one_ended.wait(_INTERRUPT_AGAIN_S)
