"""The published log, opened for queries: the one place that reads published Parquet.

Writes nothing and locks nothing, so it reads while the station runs, while it does not, and on a
disk that is mounted read-only.

A query that fails because a file was replaced while it ran is put again (`retry`), and only here:
one that does not come through a PublishedCursor has no such guard.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.query import views
from qc_edge.query.label_rows import rows_of_all_versions
from qc_edge.query.published_files import (
    all_files,
    glob_escaped,
    hour_files,
    oldest_file,
    sql_path,
    union,
)
from qc_edge.query.retry import replaced_since, retried
from qc_edge.query.source import EVERYTHING, PORTION_ROWS, Parameters, Portion, Span, first_line
from qc_edge.store.log.duck import DAMAGE, Setting, open_duckdb, quoted

_MEMORY = "512MB"  # of DuckDB: the station that is read may be running on the same machine

NOT_IN_GROUP = "you need to be in the station's group to read its files"
DESCRIPTORS = Path("/proc/self/fd")
"""Open files of this process. A file read by its descriptor stays the one that was opened, though
another takes its name.
"""


class PublishedLog:
    """The published files of a station as tables, in a DuckDB in memory that can read nothing else.

    Any thread may take a cursor of its own: DuckDB 2.0.1 refuses a connection that two threads use
    at once, where 1.5 waited. Close it, or use it as a context; its cursors end with it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        memory_limit: str | None = _MEMORY,
        threads: int | None = None,
        spill: Path | None = None,
        writable: Sequence[Path] = (),
        descriptors: bool = False,
    ) -> None:
        """`memory_limit`, `threads`: None for DuckDB's own, 80 % of the memory, one on each core;
        `spill`: a directory for what does not fit; `writable`: files that a COPY may write;
        `descriptors`: this process' open files may be read (DESCRIPTORS). Raises StoreError.
        """
        # Absolute, as DuckDB compares the path of a file with what it is allowed as text.
        self.directory = directory.absolute()
        settings: dict[str, Setting] = {"autoload_known_extensions": False}
        if memory_limit is not None:
            settings["memory_limit"] = memory_limit
        if threads is not None:
            settings["threads"] = threads
        if spill is not None:
            settings["temp_directory"] = str(spill)
        try:
            self._connection = open_duckdb(None, read_only=False, **settings)
            self._confine(writable, descriptors)
        except duckdb.Error as fault:
            raise published_error(fault) from fault

    def __enter__(self) -> PublishedLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the DuckDB and all its cursors."""
        self._connection.close()

    def cursor(self) -> PublishedCursor:
        """A way in for one thread; 0.1 ms, also while others are busy."""
        return PublishedCursor(self, self._connection.cursor())

    def create_views(self, calendar: StationCalendar = UTC_CALENDAR) -> None:
        """Make the views and macros of views.sql, for all cursors; every table must have a file.

        Raises StoreError.
        """
        try:
            labels = rows_of_all_versions(self.directory, self.cursor().read_columns)
            self._connection.execute(views.script(self.directory, calendar, labels=labels))
        except duckdb.Error as fault:
            raise published_error(fault) from fault

    def _confine(self, writable: Sequence[Path], descriptors: bool) -> None:
        """Let DuckDB reach these files and no others, whatever a query says.

        Without this, read_csv reads any file that the user may read, COPY and ATTACH write, INSTALL
        and httpfs reach the network. What is allowed comes first: once external access is off, the
        lists cannot be changed. The last one forbids to switch anything on again.
        """
        (spill,) = self._connection.execute("SELECT current_setting('temp_directory')").fetchall()
        own = [DESCRIPTORS] if descriptors else []
        # A pattern is compared before it is expanded: the directory as patterns have it as well.
        published = (self.directory, glob_escaped(str(self.directory)))
        directories = [f"{path}/" for path in (*published, *spill, *own)]
        files = [str(path.absolute()) for path in writable]
        self._connection.execute("SET allowed_directories = ?", [directories])
        self._connection.execute("SET allowed_paths = ?", [files])
        # now() and current_date would follow the zone of the machine; the log is in UTC.
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")


class PublishedCursor:
    """One thread's way into a PublishedLog: the published files as a LogSource.

    Everything but `interrupt` belongs to the thread that took the cursor.
    """

    place = "published files"

    def __init__(self, log: PublishedLog, connection: duckdb.DuckDBPyConnection) -> None:
        """As `PublishedLog.cursor` makes it."""
        self._log = log  # DuckDB closes the cursors of a connection that is collected
        self._connection = connection
        self._columns: dict[Path, frozenset[str]] = {}

    def held(self) -> AbstractContextManager[None]:
        """Nothing to do: published files are there to be read."""
        return nullcontext()

    def columns(self, table: str) -> Mapping[str, str]:
        """The columns that the files of `table` have together, with their types."""
        relation = self.relation(table)
        return self.describe(relation) if relation else {}

    def describe(self, relation: str) -> dict[str, str]:
        """Name and type of the columns of whatever can stand behind FROM. Raises StoreError."""
        return {row[0]: row[1] for row in self.fetch(f"DESCRIBE FROM {relation}")}

    def relation(
        self, table: str, span: Span = EVERYTHING, columns: Collection[str] | None = None
    ) -> str | None:
        """The rows of `table` in the hours of `span`; None if the table has no file at all.

        Numbers of the chain are left to DuckDB: rows stand in order of the chain, so the smallest
        and largest number that Parquet keeps of each row group let it skip all others.
        """
        oldest = oldest_file(self._log.directory, table)
        if oldest is None:
            return None
        needed = set(COLUMNS[table] if columns is None else columns)
        if span.since is None and span.until is None:
            if self._columns_of(oldest) >= needed:
                hours = f"{glob_escaped(str(self._log.directory / table))}/date=*/hour=*.parquet"
                return f"read_parquet({quoted(hours)}, hive_partitioning = false)"
            files = hour_files(self._log.directory, table)
        else:
            files = hour_files(self._log.directory, table, span.since, span.until)
        if not files:
            # None of the hours: no rows, but with the names and types of the table's columns.
            return f"(SELECT * FROM {union([(oldest, frozenset())])} WHERE false)"  # noqa: S608
        if self._columns_of(files[0]) >= needed:
            # Columns are only ever added: what is newer than this file has them as well.
            return union((path, frozenset()) for path in files)
        return union((path, self._columns_of(path)) for path in files)

    def _columns_of(self, path: Path) -> frozenset[str]:
        if path not in self._columns:
            self._columns[path] = self.read_columns(path)
        return self._columns[path]

    def read_columns(self, path: Path) -> frozenset[str]:
        """Names of the columns of one file as it is now. Raises StoreError if it does not read."""
        rows = self.fetch(f"SELECT name FROM parquet_schema({sql_path(path)})")  # noqa: S608
        return frozenset(name for (name,) in rows)

    def fetch(self, query: str, parameters: Parameters = None) -> Portion:
        """All rows of the result. Raises StoreError, whose cause is DuckDB's error."""
        execute = self._connection.execute
        try:
            return retried(lambda: execute(query, parameters).fetchall(), self._files)
        except DAMAGE as fault:
            raise published_error(fault) from fault

    def portions(self, query: str, parameters: Parameters = None) -> Iterator[Portion]:
        """The rows of the result, PORTION_ROWS at a time; no other query before its end. Put again
        where it fails before the first of them. Raises StoreError, whose cause is DuckDB's error.
        """
        began, given = time.time(), False
        try:
            portion = retried(
                lambda: self._connection.execute(query, parameters).fetchmany(PORTION_ROWS),
                self._files,
            )
            while portion:
                given = True
                yield portion
                portion = self._connection.fetchmany(PORTION_ROWS)
        except DAMAGE as fault:
            if given and replaced_since(began, self._files()):
                raise StoreError(
                    f"a file was replaced while its rows were being read: {first_line(fault)}",
                    hint="ask again: the station replaces the file of the current hour every few "
                    "seconds",
                ) from None
            raise published_error(fault) from fault

    def result_columns(self) -> list[tuple[str, str]]:
        """Name and DuckDB type of the columns of the query that is running."""
        return [(column[0], str(column[1])) for column in self._connection.description or ()]

    def parse(self, sql: str) -> list[duckdb.Statement]:
        """The statements in `sql`, not run. Raises StoreError, also for wrong SQL."""
        try:
            return self._connection.extract_statements(sql)
        except duckdb.Error as fault:
            raise published_error(fault) from fault

    def interrupt(self) -> None:
        """End the query that runs. From any thread, or a signal handler."""
        self._connection.interrupt()

    def _files(self) -> Iterator[Path]:
        return all_files(self._log.directory)


def published_error(fault: Exception) -> StoreError:
    """What DuckDB says of the published files, and what to do."""
    # "failed to offload": what did not fit in memory found no room on the disk either.
    if "No space left" in str(fault) or "failed to offload" in str(fault):
        return DiskFullError(f"no room for an answer: {first_line(fault)}", "free some room")
    if "Permission denied" in str(fault):
        hint = NOT_IN_GROUP
    else:
        hint = "a restart publishes a damaged file again; qc-edge verify finds them all"
    return StoreError(f"the published files cannot be read: {first_line(fault)}", hint=hint)
