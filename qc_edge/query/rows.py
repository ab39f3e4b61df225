"""The rows of the log by their number in the chain, as the text that their hashes are taken over.

Reads from any LogSource. Judges nothing: what the rows mean is for the audit to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qc_edge.domain.inspection import COLUMNS
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.store.log.duck import quoted

_PORTION = 20_000
"""Rows in memory at once: about 2 kB each as text."""


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """A row as a place has it: its number in the chain, the hash stored beside it (hex), and its
    columns as canonical JSON (`canonical_sql`).
    """

    seq: int
    sha256: str
    text: str


@dataclass(slots=True)
class Rows:
    """The rows of one place; read them while the place is `held`. Belongs to one thread."""

    source: LogSource
    _texts: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the rows are, for a person: `database` or `published files`."""
        return self.source.place

    def held(self) -> AbstractContextManager[None]:
        """Read in here, and not for long. Raises StoreError if the rows cannot be had."""
        return self.source.held()

    def columns(self, table: str) -> Mapping[str, str]:
        """The columns that the table has here, with their types: older rows may lack later ones."""
        if table not in self._columns:
            self._columns[table] = self.source.columns(table)
        return self._columns[table]

    def last(self) -> int:
        """The number of the newest row, 0 if there is none. Raises StoreError."""
        return max((self._number("max", table) for table in COLUMNS), default=0)

    def first_since(self, since: datetime) -> int:
        """The lowest number of a row recorded at `since` (UTC, without a zone) or later; one after
        the last if there is none. Raises StoreError.
        """
        numbers = [self._number("min", table, since) for table in COLUMNS]
        return min((number for number in numbers if number), default=self.last() + 1)

    def read(self, first: int, last: int) -> Iterator[LoggedRow]:
        """The rows number `first` to `last`, in order of their numbers; where two rows have the
        same number, both. Raises StoreError.
        """
        for low in range(first, last + 1, _PORTION):
            high = min(last, low + _PORTION - 1)
            tables = [
                f"SELECT chain_seq, chain_hash, {self.text_sql(table)} FROM {relation} "  # noqa: S608
                f"WHERE chain_seq BETWEEN {low} AND {high}"
                for table in COLUMNS
                if (relation := self.source.relation(table, Span(first=low, last=high)))
            ]
            if tables:
                query = " UNION ALL ".join(tables) + " ORDER BY ALL"
                for portion in self.source.portions(query):
                    for row in portion:
                        yield LoggedRow(*row)

    def hash_of(self, seq: int) -> str | None:
        """The hash (hex) of the row with that number, whatever its table; None if there is none
        here. Raises StoreError.
        """
        hashes = [
            f"SELECT chain_hash FROM {relation} WHERE chain_seq = {seq}"  # noqa: S608
            for table in COLUMNS
            if (relation := self.source.relation(table, Span(first=seq, last=seq)))
        ]
        found = self.source.fetch(" UNION ALL ".join(hashes)) if hashes else []
        return str(found[0][0]) if found else None

    def text_sql(self, table: str) -> str:
        """SQL of the text that the hash of a row of `table` is taken over, but for `normal`."""
        if table not in self._texts:
            self._texts[table] = canonical_sql(table, self.columns(table))
        return self._texts[table]

    def select(self, query: str, table: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """The result of `query`, in which {rows} stands for the rows of `table` number `first` to
        `last`. No other query before its end. Raises StoreError.
        """
        if relation := self.source.relation(table, Span(first=first, last=last)):
            rows = f"(SELECT * FROM {relation} WHERE chain_seq BETWEEN {first} AND {last})"  # noqa: S608
            for portion in self.source.portions(query.replace("{rows}", rows)):
                yield from portion

    def select_all(
        self, query: str, columns: Sequence[str], first: int, last: int
    ) -> Iterator[tuple[Any, ...]]:
        """As `select`, of the rows of all tables but the shadow's together: their `columns` and
        numbers.
        """
        names = ", ".join(("chain_seq", *columns))
        tables = [
            f"SELECT {names} FROM {relation} WHERE chain_seq BETWEEN {first} AND {last}"  # noqa: S608
            for table in COLUMNS
            if table != "shadow_scores"
            and (relation := self.source.relation(table, Span(first=first, last=last)))
        ]
        if tables:
            rows = f"({' UNION ALL '.join(tables)})"
            for portion in self.source.portions(query.replace("{rows}", rows)):
                yield from portion

    def _number(self, choice: str, table: str, since: datetime | None = None) -> int:
        relation = self.source.relation(table, EVERYTHING, ("chain_seq", "recorded_at"))
        if relation is None:
            return 0
        where = f" WHERE recorded_at >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'" if since else ""
        query = f"SELECT {choice}(chain_seq) FROM {relation}{where}"  # noqa: S608
        ((number,),) = self.source.fetch(query)
        return int(number or 0)


def canonical_sql(table: str, types: Mapping[str, str]) -> str:
    """SQL that gives a row of `table` as `chain.canonical` does, but for the way JSON escapes some
    characters: then `normal` of both is the same.

    DuckDB writes a DOUBLE as Python's repr does: the shortest text that reads back to the same
    value. `concat` leaves out what is NULL, name and value, as the canonical text does: a column
    that comes later changes no earlier hash.
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
        # The column has no zone and is UTC; the canonical text says so.
        return f"""strftime({name}::TIMESTAMP, '"%Y-%m-%dT%H:%M:%S.%f+00:00"')"""
    return f"{name}::VARCHAR"
