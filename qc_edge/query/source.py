"""What every reader of the log needs of the place that it reads: the tables, as SQL can name them.

Two places hold the log as tables: the published files (`published_log`) and the database of a
station at rest (`database_at_rest`). Readers take either. The journal, a place of text, has its own
reader (`journal_reader`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Portion = list[tuple[Any, ...]]
"""Some rows of a result."""

Parameters = Mapping[str, object] | Sequence[object] | None
"""Values bound to a query: by name ($name) or by position (?)."""

PORTION_ROWS = 2000
"""Rows that are fetched into Python at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rows that a query is about, by time of recording (aware UTC) or by number in the chain.

    A hint, by which whole files can be left out; the query itself still has to filter. `until` is
    exclusive, `last` inclusive. `keys`: only rows that speak of these (KEYS); `newest_of`: only the
    newest event of each of these kinds.
    """

    since: datetime | None = None
    until: datetime | None = None
    first: int = 0
    last: int = 2**62
    keys: tuple[str, ...] | None = None
    newest_of: frozenset[str] = frozenset()


EVERYTHING = Span()


class LogSource(Protocol):
    """A place that holds the tables of the log. An object belongs to one thread."""

    place: str
    """Its name for a person: `published files`, `database`."""

    def held(self) -> AbstractContextManager[None]:
        """Read in here, and not for long: a station that starts meanwhile cannot open its database.

        May be nested. Raises StoreError if the place cannot be read.
        """

    def columns(self, table: str) -> Mapping[str, str]:
        """Name and DuckDB type of the columns that the table has here; empty if there is no table.

        Rows of an older version of the program may lack later columns.
        """

    def relation(
        self, table: str, span: Span = EVERYTHING, columns: Collection[str] | None = None
    ) -> str | None:
        """What stands behind FROM for the rows of `table`; None if it has none here.

        `columns` are those that the query needs; all of them if left out.
        """

    def fetch(self, query: str, parameters: Parameters = None) -> Portion:
        """All rows of the result. Raises StoreError."""

    def portions(self, query: str, parameters: Parameters = None) -> Iterator[Portion]:
        """The rows of the result, PORTION_ROWS at a time; no other query before its end.

        Raises StoreError.
        """


def first_line(fault: Exception) -> str:
    """What DuckDB says, without the statement that it quotes below."""
    return str(fault).strip().splitlines()[0]
