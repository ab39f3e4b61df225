"""Connections that read the log beside its writer, and must be gone before it is opened again."""

from __future__ import annotations

import threading

import duckdb

_ASK_AGAIN_S = 0.02


class Readers:
    """From any thread."""

    def __init__(self) -> None:
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._one_ended = threading.Condition()

    def __bool__(self) -> bool:
        """Whether somebody reads."""
        return bool(self._cursors)

    def cursor(self, log: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """One more; whoever takes it gives it back to `close`."""
        with self._one_ended:
            cursor = log.cursor()
            self._cursors.add(cursor)
        return cursor

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Its reader is done."""
        cursor.close()
        with self._one_ended:
            self._cursors.discard(cursor)
            self._one_ended.notify_all()

    def end(self) -> None:
        """Interrupt all of them, and return when they are closed. No new one may be taken
        meanwhile.
        """
        with self._one_ended:
            while self._cursors:
                for cursor in self._cursors:
                    cursor.interrupt()
                self._one_ended.wait(_ASK_AGAIN_S)
