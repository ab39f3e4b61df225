"""The log read for an audit: its rows as the text that their hashes are taken over, from either of
the two places that hold them as tables. Writes nothing, and judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.query.retry import in_portions
from qc_edge.store.duck import open_duckdb, quoted


class BusyRowsError(StoreError):
    """A running station holds its database."""


_BUSY = ("lock on file", "already attached by database")
"""How DuckDB says that another process, or another connection of this one, has the file."""

_PORTION = 20_000
"""Rows in memory at once: about 2 kB each as text."""


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """A row as its place tells it: its number, the hash beside it, its columns as canonical
    JSON.
    """

    seq: int
    sha256: str
    text: str


class RowSource(Protocol):
    """Where rows are: gives the SQL of a table, by the numbers that are asked for."""

    def columns(self, table: str) -> dict[str, str]:
        """The columns that the table has here, with their types; none if there is no such table."""

    def sql(self, table: str, first: int, last: int) -> str | None:
        """What stands behind FROM for rows number `first` to `last` of `table`; None if there are
        none.
        """

    def take(self) -> None:
        """Make the rows readable. Raises duckdb.Error."""

    def release(self) -> None:
        """Let whoever writes the rows have them again."""

    def files(self) -> Iterable[Path]:
        """Those that may be replaced while they are read."""


@dataclass(slots=True)
class Rows:
    """The rows of one place, readable while `held`. One thread."""

    place: str
    relation: RowSource
    cursor: duckdb.DuckDBPyConnection
    _texts: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)
    _depth: int = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read in here, and not for long: a station that starts meanwhile cannot open its database.

        Raises StoreError if the rows cannot be had.
        """
        if self._depth == 0:
            try:
                self.relation.take()
            except duckdb.Error as fault:
                raise self.error(fault) from fault
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.relation.release()

    def columns(self, table: str) -> dict[str, str]:
        """The columns that the table has here, with their types: older rows may lack later ones."""
        if table not in self._columns:
            self._columns[table] = self.relation.columns(table)
        return self._columns[table]

    def last(self) -> int:
        """The number of the newest row, 0 if there is none."""
        return max((self._number("max", table) for table in COLUMNS), default=0)

    def first_since(self, since: datetime) -> int:
        """The lowest number of a row recorded at `since` (UTC) or later; one after the last if none
        is.
        """
        found = [self._number("min", table, since) for table in COLUMNS]
        return min((number for number in found if number), default=self.last() + 1)

    def told(self, first: int, last: int) -> Iterator[LoggedRow]:
        """The rows number `first` to `last`, in order of their numbers; a number that stands twice,
        twice.
        """
        for low in range(first, last + 1, _PORTION):
            high = min(last, low + _PORTION - 1)
            parts = [
                f"SELECT chain_seq, chain_hash, {self._text(table)} FROM {source} "  # noqa: S608
                f"WHERE chain_seq BETWEEN {low} AND {high}"
                for table in COLUMNS
                if (source := self.relation.sql(table, low, high))
            ]
            if parts:
                for row in self.ask(" UNION ALL ".join(parts) + " ORDER BY ALL"):
                    yield LoggedRow(*row)

    def select(self, query: str, table: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """`query` with {rows} in the place of the table's rows number `first` to `last`."""
        if source := self.relation.sql(table, first, last):
            kept = f"(SELECT * FROM {source} WHERE chain_seq BETWEEN {first} AND {last})"  # noqa: S608
            yield from self.ask(query.replace("{rows}", kept))

    def ask(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The answer to any query, row by row; nothing else may be asked before its end."""
        try:
            for portion in in_portions(self.cursor, query, None, self.relation.files):
                yield from portion
        except duckdb.Error as fault:
            raise self.error(fault) from fault

    def _number(self, choice: str, table: str, since: datetime | None = None) -> int:
        source = self.relation.sql(table, 0, 2**62)
        if source is None:
            return 0
        where = f" WHERE recorded_at >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'" if since else ""
        ((number,),) = self.ask(f"SELECT {choice}(chain_seq) FROM {source}{where}")  # noqa: S608
        return int(number or 0)

    def _text(self, table: str) -> str:
        if table not in self._texts:
            self._texts[table] = canonical_sql(table, self.columns(table))
        return self._texts[table]

    def error(self, fault: duckdb.Error) -> StoreError:
        """What DuckDB says of these rows, in our words."""
        if any(sign in str(fault) for sign in _BUSY):
            return BusyRowsError(
                "a running station holds its database", hint="stop it, or read what it publishes"
            )
        return StoreError(
            f"the {self.place} cannot be read: {str(fault).strip().splitlines()[0][:200]}",
            hint="look at the disk; a start of the station rebuilds it from the journal",
        )


def canonical_sql(table: str, types: dict[str, str]) -> str:
    """SQL that gives a row of `table` as `chain.canonical` does, but for the way JSON escapes some
    characters: then `normal` of both is the same.

    DuckDB writes a DOUBLE as Python's repr does: the shortest text that reads back to the same
    value.
    """
    parts = [f"""'{{"table":"{table}"'"""]
    for name in COLUMNS[table]:
        kind = types.get(name)
        if kind is not None:
            parts.append(f"""',"{name}":' || {_value(name, kind)}""")
    return f"concat({', '.join([*parts, quoted('}')])})"


def normal(text: str) -> str:
    """A row's JSON as `chain.canonical` escapes it. Raises ValueError if it is no JSON."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def _value(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"to_json({name})::VARCHAR"
    if kind.startswith("TIMESTAMP"):
        return f"""strftime({name}::TIMESTAMP, '"%Y-%m-%dT%H:%M:%S.%f+00:00"')"""
    return f"{name}::VARCHAR"


class _Tables:
    """The tables of a database file, attached while they are read."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._cursor = cursor
        self._path = path
        self._columns: dict[str, dict[str, str]] = {}

    def take(self) -> None:
        self._cursor.execute(f"ATTACH {quoted(self._path)} AS log (READ_ONLY)")
        for table, name, kind in self._cursor.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name "
            "= 'log'"
        ).fetchall():
            self._columns.setdefault(table, {})[name] = kind

    def release(self) -> None:
        self._cursor.execute("DETACH log")

    def files(self) -> Iterable[Path]:
        return ()

    def columns(self, table: str) -> dict[str, str]:
        return self._columns.get(table, {})

    def sql(self, table: str, first: int, last: int) -> str | None:  # noqa: ARG002 - one table has all
        return f"log.{table}" if table in self._columns else None


def open_database(path: Path) -> Rows:
    """The rows of a database at rest; the file is opened by `held`."""
    log = connection()
    return Rows("database", _Tables(log, path), log)


def connection() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own in memory, to attach or read files in."""
    return open_duckdb(memory_limit="512MB")
