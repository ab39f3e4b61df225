"""The published log for whoever looks something up: only the files that may have it are read.

Not for whoever holds the rows against anything: an index that leaves something out hides it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from qc_edge.query.lookup.sealed_index import SealedIndex
from qc_edge.query.published_files import (
    HOUR_FILE,
    files_of_other_days,
    newest_file,
    sql_path,
    union,
)
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import EVERYTHING, Parameters, Portion, Span


class IndexedLog:
    """A PublishedCursor as a LogSource that goes by the indexes of the sealed days where a query
    says what it is about (`Span.keys`, `newest_of`, `last`). Belongs to the cursor's thread.
    """

    def __init__(self, directory: Path, cursor: PublishedCursor) -> None:
        """`directory` is the published log's."""
        self._directory = directory.absolute()
        self._cursor = cursor
        self._index = SealedIndex(directory)
        self._columns: dict[Path, dict[str, str]] = {}
        self.place = cursor.place

    def held(self) -> AbstractContextManager[None]:
        """As the cursor."""
        return self._cursor.held()

    def columns(self, table: str) -> Mapping[str, str]:
        """The columns of the newest file: columns are only ever added."""
        newest = newest_file(self._directory, table)
        return self._described(newest) if newest else {}

    def relation(
        self, table: str, span: Span = EVERYTHING, columns: Collection[str] | None = None
    ) -> str | None:
        """The rows of `table` in the files that may have what `span` is about, with all columns
        that the table has by now; None if no file may have any.
        """
        places = self._index.places(table, span)
        if places is None:
            return self._cursor.relation(table, span, columns)
        files = [self._directory / table / f"{hour:{HOUR_FILE}}" for hour in sorted(places.hours)]
        if not places.certain:
            files += files_of_other_days(self._directory, table, places.days)
        if not files:
            return None
        shown = str(union((path, self._columns_of(path)) for path in files))
        newest = newest_file(self._directory, table)
        if newest is None or self.columns(table).keys() <= self._columns_of(files[-1]):
            return shown
        names = f"(SELECT * FROM {union([(newest, frozenset())])} WHERE false)"  # noqa: S608
        return f"(SELECT * FROM {shown} UNION ALL BY NAME SELECT * FROM {names})"  # noqa: S608

    def _columns_of(self, path: Path) -> frozenset[str]:
        return frozenset(self._described(path))

    def _described(self, path: Path) -> dict[str, str]:
        if path not in self._columns:
            shown = f"read_parquet({sql_path(path)}, hive_partitioning = false)"
            self._columns[path] = self._cursor.describe(shown)
        return self._columns[path]

    def fetch(self, query: str, parameters: Parameters = None) -> Portion:
        """As the cursor."""
        return self._cursor.fetch(query, parameters)

    def portions(self, query: str, parameters: Parameters = None) -> Iterator[Portion]:
        """As the cursor."""
        return self._cursor.portions(query, parameters)
