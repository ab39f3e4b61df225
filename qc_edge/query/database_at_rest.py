"""The database of a station that is not running, as a place to read the log. Never writes it.

A running station holds its database: DuckDB lets one process write a file or many read it, never
both. While it runs, `published_log` is the place to read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.query.lookup.sealed_index import SealedIndex
from qc_edge.query.source import EVERYTHING, PORTION_ROWS, Parameters, Portion, Span, first_line
from qc_edge.store.log.duck import DAMAGE, open_duckdb, quoted

_DAY = timedelta(days=1)
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

    def __init__(
        self, path: Path, memory_limit: str = "512MB", index: SealedIndex | None = None
    ) -> None:
        """`index`: those of the published log say where to look, where a query tells what it is
        about. Not for whoever holds the rows against anything.
        """
        self._path = path
        self._index = index
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
        span: Span = EVERYTHING,
        columns: Collection[str] | None = None,  # noqa: ARG002 - and all columns
    ) -> str | None:
        """The table's name, or where `span` tells keys, their rows; None if this database has no
        such table.
        """
        if table not in self._columns:
            return None
        places = None
        if self._index is not None and span.keys is not None:
            places = self._index.places(table, span)
        if places is None or not places.days:
            return f"log.{table}"
        # By what DuckDB keeps of each row group, it reads those of the numbers and of the stretches
        # of time and no others; put as one condition, it would read all.
        numbers = ", ".join(map(str, places.numbers)) or "NULL"
        choices = [f"chain_seq IN ({numbers})", *_between(sorted(places.days))]
        selects = [f"SELECT * FROM log.{table} WHERE {each}" for each in choices]  # noqa: S608
        return f"({' UNION ALL '.join(selects)})"

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


def _between(days: list[date]) -> Iterator[str]:
    """Conditions that together fit every row that was recorded on none of these days, one for each
    stretch of others.

    Not by the days that are published: rows that the station had no time to publish have none.
    """
    yield f"recorded_at < TIMESTAMP '{days[0]}'"
    for day, following in zip(days, [*days[1:], None], strict=True):
        since = f"recorded_at >= TIMESTAMP '{day + _DAY}'"
        if following is None:
            yield since
        elif following > day + _DAY:
            yield f"{since} AND recorded_at < TIMESTAMP '{following}'"
