"""The database of a station that is not running, as a place to read the log. Never writes it.

A running station holds its database: DuckDB lets one process write a file or many read it, never
both. While it runs, `published_log` is the place to read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.query.source import EVERYTHING, PORTION_ROWS, Parameters, Portion, Span, first_line
from qc_edge.store.log.duck import DAMAGE, open_duckdb, quoted

_BUSY = ("lock on file", "already attached by database")
"""How DuckDB says that another process, or another connection of this one, has the file."""


class DatabaseBusyError(StoreError):
    """A running station holds its database."""


class DatabaseAtRest:
    """The tables of a database file as a LogSource, readable while it is `held`. One thread.

    The file is attached to a DuckDB in memory for as long as it is held and no longer: a station
    that is started meanwhile needs it for itself.
    """

    place = "database"

    def __init__(self, path: Path, memory_limit: str = "512MB") -> None:
        self._path = path
        self._connection = open_duckdb(memory_limit=memory_limit)
        self._columns: dict[str, dict[str, str]] = {}
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read in here, and not for long. May be nested.

        Raises DatabaseBusyError, or StoreError if the file does not open.
        """
        if self._depth == 0:
            self._attach()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("DETACH log")

    def columns(self, table: str) -> Mapping[str, str]:
        """The columns of `table` with their types, as they were when it was last attached."""
        return self._columns.get(table, {})

    def relation(
        self,
        table: str,
        span: Span = EVERYTHING,  # noqa: ARG002 - one table has all rows
        columns: Collection[str] | None = None,  # noqa: ARG002 - and all columns
    ) -> str | None:
        """The table's name; None if this database has no such table."""
        return f"log.{table}" if table in self._columns else None

    def fetch(self, query: str, parameters: Parameters = None) -> Portion:
        """All rows of the result. Raises StoreError."""
        try:
            return self._connection.execute(query, parameters).fetchall()
        except DAMAGE as fault:
            raise self._error(fault) from fault

    def portions(self, query: str, parameters: Parameters = None) -> Iterator[Portion]:
        """The rows of the result, PORTION_ROWS at a time; no other query before its end.

        Raises StoreError.
        """
        try:
            running = self._connection.execute(query, parameters)
            while portion := running.fetchmany(PORTION_ROWS):
                yield portion
        except DAMAGE as fault:
            raise self._error(fault) from fault

    def _attach(self) -> None:
        try:
            self._connection.execute(f"ATTACH {quoted(self._path)} AS log (READ_ONLY)")
            for table, name, kind in self._connection.execute(
                # Tables alone: qa.duckdb in its place has views of the same names, which would show
                # the published files as if they were the database.
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
                "WHERE database_name = 'log'"
            ).fetchall():
                self._columns.setdefault(table, {})[name] = kind
        except DAMAGE as fault:
            raise self._error(fault) from fault

    def _error(self, fault: Exception) -> StoreError:
        if any(sign in str(fault) for sign in _BUSY):
            return DatabaseBusyError(
                "a running station holds its database", hint="stop it, or read what it publishes"
            )
        return StoreError(
            f"the database cannot be read: {first_line(fault)[:200]}",
            hint="look at the disk; a start of the station rebuilds it from the journal",
        )
