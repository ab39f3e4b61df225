"""A person's SQL over the published log: which statements are allowed, what comes back, and errors
in words.

Refuses whatever is not a query, so that the answer is a sentence; that nothing can be written or
read elsewhere is ensured by the PublishedLog, whatever a statement says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.errors import RightsError, StoreError, UsageError
from qc_edge.query.published_files import oldest_file, sql_path
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Portion, first_line
from qc_edge.store.durable import Disk
from qc_edge.store.log.duck import quoted

_READING_TYPES = {"SELECT", "EXPLAIN", "MULTI"}
"""Types of DuckDB's; MULTI is PIVOT, which 1.5 takes apart into statements without a text."""

_FIRST_WORD = re.compile(
    r"(SELECT|FROM|WITH|VALUES|TABLE|DESCRIBE|DESC|SHOW|SUMMARIZE|"
    r"PIVOT|PIVOT_WIDER|PIVOT_LONGER|UNPIVOT)\b",
    re.IGNORECASE,
)
_BLANK = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_EXPLAIN = re.compile(r"EXPLAIN(?:\s+ANALYZE)?(?:\s*\([^)]*\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlResult:
    """The result of a statement: names and DuckDB types of its columns; the rows can be taken once,
    in portions.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    portions: Iterator[Portion]


@dataclass(frozen=True, slots=True)
class SqlRelation:
    """A view (`parameters` is None), or a table macro, that can stand behind FROM."""

    name: str
    parameters: str | None

    def __str__(self) -> str:
        name = f'"{self.name}"' if self.name == "between" else self.name
        return name if self.parameters is None else f"{name}({self.parameters})"


class SqlSession:
    """The published log with its views, for statements that a person wrote. Belongs to one thread.

    Close it, or use it as a context.
    """

    def __init__(
        self,
        published: Path,
        spill: Path,
        writable: Sequence[Path] = (),
        calendar: StationCalendar = UTC_CALENDAR,
    ) -> None:
        """`spill`: a directory for what does not fit in memory; `writable`: files that `export` may
        write; `calendar`: its local times. Raises StoreError if a table has no published file.
        """
        if published.exists() and not os.access(published, os.R_OK | os.X_OK):
            raise RightsError(f"{published}: this user may not read it")
        missing = [table for table in COLUMNS if oldest_file(published, table) is None]
        if missing:
            raise StoreError(
                f"there are no published rows of {', '.join(missing)} in {published}",
                hint="the station publishes them when it runs: qc-edge run",
            )
        self._log = PublishedLog(published, memory_limit=None, spill=spill, writable=writable)
        self._log.create_views(calendar)
        self._cursor = self._log.cursor()

    def __enter__(self) -> SqlSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def statements(self, sql: str) -> list[str]:
        """The statements in `sql`, each of which only reads. Raises UsageError, also for one that
        writes.
        """
        texts: list[str] = []
        try:
            parsed = self._cursor.parse(sql)
        except StoreError as error:
            raise self._explained(error) from None
        for statement in parsed:
            text = statement.query.strip().rstrip(";").strip()
            if not text:  # a part of a PIVOT in 1.5: the statement is the whole of what was given
                text = sql.strip().rstrip(";").strip()
                if text in texts:
                    continue
            elif statement.type.name not in _READING_TYPES:
                raise _refused(text)
            if not _only_reads(text):
                raise _refused(text)
            texts.append(text)
        return texts

    def is_complete(self, text: str) -> bool:
        """True if `text` ends a statement with a semicolon that is not inside of quotes."""
        if not text.rstrip().endswith(";"):
            return False
        try:
            self._cursor.parse(text)
        except StoreError as error:
            return "unterminated" not in str(error.__cause__)
        return True

    def execute(self, statement: str) -> SqlResult:
        """The result of one of the `statements`. Raises UsageError with DuckDB's own words, or
        StoreError; so does reading its portions.
        """
        portions = self._portions(statement)
        first = next(portions, [])  # runs the statement: only then it has columns
        columns = self._cursor.result_columns()
        names, types = tuple(name for name, _ in columns), tuple(kind for _, kind in columns)
        return SqlResult(names, types, chain([first] if first else [], portions))

    def count(self, statement: str) -> int | None:
        """How many rows it has; None if DuckDB cannot count that kind of statement."""
        try:
            ((rows,),) = self._cursor.fetch(f"SELECT count(*) FROM ({statement}\n)")  # noqa: S608
        except StoreError:
            return None
        return int(rows)

    def export(self, statement: str, path: Path) -> int:
        """Write the result to `path` as Parquet, whole or not at all; how many rows.

        Raises StoreError, or UsageError with DuckDB's own words.
        """
        # `writable` has this name, too. Not DuckDB's own temporary file: it is named otherwise.
        temporary = path.with_name(f".{path.name}.new")
        target = quoted(temporary)
        try:
            self._cursor.fetch(
                f"COPY (FROM ({statement}\n)) TO {target} (FORMAT parquet, COMPRESSION zstd)"
            )
            ((rows,),) = self._cursor.fetch(
                f"SELECT num_rows FROM parquet_file_metadata({sql_path(temporary)})"  # noqa: S608
            )
        except StoreError as error:
            fault = error.__cause__
            if isinstance(fault, duckdb.IOException) and temporary.name in str(fault):
                hint = "does the directory exist, is there room, and may you write there?"
                raise StoreError(f"cannot write {path}: {first_line(fault)}", hint=hint) from None
            raise self._explained(error) from None
        else:
            Disk().move_into_place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return int(rows)

    def relations(self) -> list[SqlRelation]:
        """What can be queried: the views, then the table macros."""
        views = self._cursor.fetch(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        )
        macros = self._cursor.fetch(
            "SELECT function_name, array_to_string(parameters, ', ') FROM duckdb_functions() "
            "WHERE function_type = 'table_macro' AND NOT internal ORDER BY 1"
        )
        return [SqlRelation(name, None) for (name,) in views] + [
            SqlRelation(*macro) for macro in macros
        ]

    def completions(self) -> list[str]:
        """What the Tab key may complete: words of SQL, views, macros, columns."""
        names = self._cursor.fetch(
            "SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = "
            "'reserved' UNION "
            "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION "
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal UNION "
            "SELECT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1"
        )
        return [name for (name,) in names]

    def interrupt(self) -> None:
        """End the statement that runs. From any thread, or a signal handler."""
        self._cursor.interrupt()

    def _portions(self, statement: str) -> Iterator[Portion]:
        try:
            yield from self._cursor.portions(statement)
        except StoreError as error:
            raise self._explained(error) from None

    def _explained(self, error: StoreError) -> UsageError | StoreError:
        """The error of a statement in DuckDB's own words, which quote it, and what to do."""
        fault = error.__cause__
        if not isinstance(fault, duckdb.Error):
            return error
        message = str(fault).strip()
        # DuckDB makes such a value with pytz, from 2.0 on with zoneinfo: the box may lack both.
        if "pytz" in message or "zoneinfo" in message:
            return UsageError(
                "a column with a time zone cannot be shown",
                hint="the log is in UTC without zones: utc_now() or local_now() instead of now()",
            )
        if isinstance(fault, duckdb.IOException):
            return StoreError(message, hint=error.hint)
        if isinstance(fault, duckdb.PermissionException):
            return UsageError(message, hint="only this station's published log can be read here")
        if isinstance(fault, duckdb.CatalogException):
            return UsageError(message, hint=f"there are {', '.join(map(str, self.relations()))}")
        if isinstance(fault, duckdb.BinderException):
            hint = "DESCRIBE inspections shows its columns; docs/schema.md explains them"
            return UsageError(message, hint=hint)
        return UsageError(message)


def _only_reads(text: str) -> bool:
    """Whether the statement begins as a query does. DuckDB gives EXPLAIN ANALYZE of a COPY, which
    runs it, the type EXPLAIN: what stands behind EXPLAIN must be a query as well.
    """
    text = _BLANK.sub("", text, count=1) if _BLANK.match(text) else text
    if explained := _EXPLAIN.match(text):
        rest = text[explained.end() :]
        return rest[:1] in {" ", "\n", "\t", "(", "-", "/", "\r"} and _only_reads(rest)
    return _FIRST_WORD.match(text) is not None


def _refused(text: str) -> UsageError:
    first = " ".join(text.split()[:4])
    return UsageError(
        f"this only asks, it changes and writes nothing; got: {first} ...",
        hint="SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN; --parquet FILE keeps an "
        "answer",
    )
