"""Questions to the published log, in SQL: a DuckDB in memory with the views, that can only read
those files.

Locks nothing and writes nothing, so it asks while the station runs, while it does not, and on a
disk that is mounted read-only.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.retry import asked_again, in_portions, replaced_since
from qc_edge.query.views import script
from qc_edge.store.duck import open_duckdb, quoted
from qc_edge.store.durable import store_error

_READS = {"SELECT", "EXPLAIN", "MULTI"}
"""Statement types of DuckDB; MULTI is PIVOT, which 1.5 takes apart into statements without a text.
"""

_WORDS = {
    "SELECT",
    "FROM",
    "WITH",
    "VALUES",
    "TABLE",
    "DESCRIBE",
    "DESC",
    "SHOW",
    "SUMMARIZE",
    "PIVOT",
    "PIVOT_WIDER",
    "PIVOT_LONGER",
    "UNPIVOT",
}
_BLANK = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_EXPLAIN = re.compile(r"EXPLAIN(?:\s+ANALYZE)?(?:\s*\([^)]*\))?", re.IGNORECASE)
_GROUP = "you need to be in the station's group to read its files"

_AGAIN = "ask again: the station replaces the file of the current hour every few seconds"

Portion = list[tuple[Any, ...]]
"""Some rows of an answer."""


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What came back: names and DuckDB types of the columns; the rows can be taken once, in
    portions.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    portions: Iterator[Portion]


@dataclass(frozen=True, slots=True)
class SqlRelation:
    """A view, or a macro with its parameters, that can be asked."""

    name: str
    parameters: str | None

    def __str__(self) -> str:
        name = f'"{self.name}"' if self.name == "between" else self.name
        return name if self.parameters is None else f"{name}({self.parameters})"


class SqlSession:
    """Used by one thread. Close it, or use it as a context."""

    def __init__(self, published: Path, spill: Path, writes: Sequence[Path] = ()) -> None:
        """`spill`: a directory for what does not fit in memory; `writes`: files that `keep` may
        write.

        Raises StoreError if there is nothing to ask.
        """
        if published.exists() and not os.access(published, os.R_OK | os.X_OK):
            raise StoreError(f"you may not read {published}", hint=_GROUP)
        missing = [
            table for table in COLUMNS if not any((published / table).glob("date=*/hour=*.parquet"))
        ]
        if missing:
            raise StoreError(
                f"there are no published rows of {', '.join(missing)} in {published}",
                hint="the station publishes them when it runs: qc-edge run",
            )
        self._published = published
        self._log = open_duckdb(autoload_known_extensions=False)
        try:
            self._log.execute(script(published))
            self._log.execute("SET temp_directory = ?", [str(spill)])
            self._log.execute("SET allowed_directories = ?", [[f"{published}/", f"{spill}/"]])
            self._log.execute("SET allowed_paths = ?", [[str(path) for path in writes]])
            self._log.execute("SET enable_external_access = false")
            self._log.execute("SET lock_configuration = true")
        except duckdb.Error as fault:
            raise StoreError(f"cannot read {published}: {fault}", hint=_hint(fault)) from None

    def __enter__(self) -> SqlSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def statements(self, sql: str) -> list[str]:
        """The statements in `sql`, each of which only reads. Raises UsageError, also for one that
        writes.
        """
        found: list[str] = []
        for statement in self._parsed(sql):
            text = statement.query.strip().rstrip(";").strip()
            if not text:
                text = sql.strip().rstrip(";").strip()
                if text in found:
                    continue
            elif statement.type.name not in _READS:
                raise _refused(text)
            if not _only_reads(text):
                raise _refused(text)
            found.append(text)
        return found

    def is_complete(self, text: str) -> bool:
        """True if `text` ends a statement with a semicolon that is not inside of quotes."""
        if not text.rstrip().endswith(";"):
            return False
        try:
            self._log.extract_statements(text)
        except duckdb.Error as fault:
            return "unterminated" not in str(fault)
        return True

    def ask(self, statement: str) -> SqlResult:
        """The answer to one statement out of `statements`. Raises UsageError with DuckDB's own
        words.
        """
        began, portions = time.time(), in_portions(self._log, statement, None, self._files)
        try:
            first = next(portions, [])
        except duckdb.Error as fault:
            raise self._wrong(fault) from None
        names = tuple(column[0] for column in self._log.description or ())
        types = tuple(str(column[1]) for column in self._log.description or ())
        return SqlResult(names, types, self._rest(first, portions, began))

    def count(self, statement: str) -> int | None:
        """How many rows it has; None if DuckDB cannot count that kind of statement."""
        try:
            counted = self._one(f"SELECT count(*) FROM ({statement}\n)")  # noqa: S608
        except duckdb.Error:
            return None
        return int(counted[0]) if counted else None

    def keep(self, statement: str, path: Path) -> int:
        """Write the answer to `path` as Parquet, whole or not at all; how many rows. Raises
        StoreError.
        """
        temporary = path.with_name(f".{path.name}.new")
        target = quoted(temporary)
        try:
            self._one(f"COPY (FROM ({statement}\n)) TO {target} (FORMAT parquet, COMPRESSION zstd)")
            written = self._one(f"SELECT num_rows FROM parquet_file_metadata({target})")  # noqa: S608
            os.replace(temporary, path)  # noqa: PTH105
        except duckdb.Error as fault:
            if isinstance(fault, duckdb.IOException) and temporary.name in str(fault):
                hint = "does the directory exist, is there room, and may you write there?"
                raise StoreError(f"cannot write {path}: {_first_line(fault)}", hint=hint) from None
            raise self._wrong(fault) from None
        except OSError as fault:
            raise store_error(fault, f"cannot write {path}") from None
        finally:
            temporary.unlink(missing_ok=True)
        return int(written[0]) if written else 0

    def relations(self) -> list[SqlRelation]:
        """What can be asked: the views, then the table macros."""
        views = self._log.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
        macros = self._log.execute(
            "SELECT function_name, array_to_string(parameters, ', ') FROM duckdb_functions() "
            "WHERE function_type = 'table_macro' AND NOT internal ORDER BY 1"
        ).fetchall()
        return [SqlRelation(name, None) for (name,) in views] + [
            SqlRelation(*macro) for macro in macros
        ]

    def words(self) -> list[str]:
        """What a person may want to have completed: words of SQL, views, macros, columns."""
        found = self._log.execute(
            "SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = "
            "'reserved' UNION "
            "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION "
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal UNION "
            "SELECT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1"
        )
        return [word for (word,) in found.fetchall()]

    def interrupt(self) -> None:
        """End the statement that runs. From any thread, or a signal handler."""
        self._log.interrupt()

    def _rest(self, first: Portion, rest: Iterator[Portion], began: float) -> Iterator[Portion]:
        try:
            if first:
                yield first
            yield from rest
        except duckdb.Error as fault:
            if replaced_since(began, self._files()):
                raise StoreError(
                    f"a file was replaced while its rows were being read: {_first_line(fault)}",
                    hint=_AGAIN,
                ) from None
            raise self._wrong(fault) from None

    def _files(self) -> Iterator[Path]:
        return self._published.glob("*/date=*/hour=*.parquet")

    def _one(self, statement: str) -> tuple[Any, ...] | None:
        return asked_again(lambda: self._log.execute(statement).fetchone(), self._files)

    def _parsed(self, sql: str) -> list[duckdb.Statement]:
        try:
            return self._log.extract_statements(sql)
        except duckdb.Error as fault:
            raise self._wrong(fault) from None

    def _wrong(self, fault: duckdb.Error) -> UsageError | StoreError:
        said = str(fault).strip()
        # DuckDB makes such a value with pytz, from 2.0 on with zoneinfo: the box may lack both.
        if "pytz" in said or "zoneinfo" in said:
            return UsageError(
                "a column with a time zone cannot be shown",
                hint="the log is in UTC without zones: utc_now() instead of now(), or cast it "
                "::TIMESTAMP",
            )
        if isinstance(fault, duckdb.IOException):
            return StoreError(said, hint=_hint(fault))
        if isinstance(fault, duckdb.PermissionException):
            return UsageError(said, hint="only the published log of this station can be read here")
        if isinstance(fault, duckdb.CatalogException):
            return UsageError(said, hint=f"there are {', '.join(map(str, self.relations()))}")
        if isinstance(fault, duckdb.BinderException):
            return UsageError(
                said, hint="DESCRIBE inspections shows its columns; docs/schema.md explains them"
            )
        return UsageError(said)


def _only_reads(text: str) -> bool:
    text = _BLANK.sub("", text, count=1) if _BLANK.match(text) else text
    if explained := _EXPLAIN.match(text):
        rest = text[explained.end() :]
        return rest[:1] in {" ", "\n", "\t", "(", "-", "/", "\r"} and _only_reads(rest)
    word = re.match(r"\w*", text)
    return word is not None and word[0].upper() in _WORDS


def _refused(text: str) -> UsageError:
    first = " ".join(text.split()[:4])
    return UsageError(
        f"this only asks, it changes and writes nothing; got: {first} ...",
        hint="SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN; --parquet FILE keeps an "
        "answer",
    )


def _hint(fault: duckdb.Error) -> str:
    if "No space left" in str(fault):
        return "free some room"
    if "Permission denied" in str(fault):
        return _GROUP
    return (
        "a damaged file is published again when the station is restarted; qc-edge verify finds "
        "them all"
    )


def _first_line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[0]
