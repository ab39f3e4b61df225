"""The published files read back: which hour each holds, which do not read, their rows. Writes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.query.rows import Rows, connection
from qc_edge.store.duck import quoted

_NAME = re.compile(r"date=(\d{4}-\d{2}-\d{2})/hour=(\d{2})\.parquet$")
_HELD = re.compile(r"/proc/self/fd/\d+")

_LOOK = """
SELECT count(*), min(chain_seq), max(chain_seq), min(recorded_at)::TIMESTAMP,
       max(recorded_at)::TIMESTAMP, coalesce(bool_and(follows), true)
FROM (SELECT chain_seq, recorded_at,
             coalesce(chain_seq > lag(chain_seq) OVER (ORDER BY file_row_number), true) AS follows
      FROM read_parquet({file}, file_row_number = true, hive_partitioning = false))
"""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One hour of a table as Parquet: its rows by number, and when they were recorded (UTC).

    `hour` is the hour that its name says; `in_order` False if its rows do not stand by number.
    """

    path: Path
    table: str
    hour: datetime
    columns: frozenset[str]
    rows: int
    first: int
    last: int
    earliest: datetime
    latest: datetime
    in_order: bool

    @property
    def holds_only_its_hour(self) -> bool:
        """True if every row was recorded in the hour of the file's name."""
        return self.hour <= self.earliest and self.latest < self.hour + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that does not read, or has no hour in its name; in words."""

    path: Path
    detail: str


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """All that is published of a station."""

    rows: Rows
    files: tuple[PublishedFile, ...]
    damaged: tuple[DamagedFile, ...]


def open_published(
    directory: Path, since: datetime | None = None, say: Callable[[int], object] = lambda _: None
) -> PublishedLog:
    """Look into every published file of the hours from `since` on; `say` hears of each one (1).

    Never raises for a file: one that does not read is in `damaged`.
    """
    log = connection()
    files, damaged = [], []
    for table in COLUMNS:
        for path in sorted((directory / table).glob("**/*.parquet")):
            hour = _hour(path)
            if since and hour and hour + timedelta(hours=1) <= since:
                continue
            try:
                if hour is None:
                    damaged.append(DamagedFile(path, "expected date=YYYY-MM-DD/hour=HH.parquet"))
                elif found := _look(log, path, table, hour):
                    files.append(found)
            except (duckdb.Error, OSError) as fault:
                words = _HELD.sub(path.name, str(fault).strip())
                damaged.append(DamagedFile(path, words.splitlines()[0][:200]))
            say(1)
    return PublishedLog(
        Rows("published files", _Files(log, files), log), tuple(files), tuple(damaged)
    )


def _hour(path: Path) -> datetime | None:
    name = _NAME.search(path.as_posix())
    return datetime.strptime(f"{name[1]} {name[2]}", "%Y-%m-%d %H") if name else None  # noqa: DTZ007 - UTC


def _look(
    log: duckdb.DuckDBPyConnection, path: Path, table: str, hour: datetime
) -> PublishedFile | None:
    with path.open("rb") as file:
        held = Path(
            f"/proc/self/fd/{file.fileno()}"
        )  # this version of it, though another takes its name
        seen = log.execute(_LOOK.replace("{file}", quoted(held))).fetchone()
        if not seen or not seen[0]:
            return None
        return PublishedFile(path, table, hour, columns_of(log, held), *seen)


def columns_of(log: duckdb.DuckDBPyConnection, path: Path) -> frozenset[str]:
    """The columns of a file. Raises duckdb.Error."""
    found = log.execute(f"SELECT name FROM parquet_schema({quoted(path)})").fetchall()  # noqa: S608
    return frozenset(name for (name,) in found)


def together(files: Iterable[tuple[Path, frozenset[str]]]) -> str | None:
    """What stands behind FROM for all rows of these files, of which earlier ones may lack later
    columns.

    Not union_by_name: DuckDB 2.0 then looks into all files first, and stumbles over one that is
    replaced before its rows are read, as that of the hour is every few seconds.
    """
    alike: dict[frozenset[str], list[str]] = {}
    for path, columns in files:
        alike.setdefault(columns, []).append(quoted(path))
    parts = [
        f"read_parquet([{', '.join(names)}], hive_partitioning = false)" for names in alike.values()
    ]
    if len(parts) > 1:
        return f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {part}' for part in parts)})"  # noqa: S608
    return parts[0] if parts else None


class _Files:
    """The tables that the files make together."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, files: Sequence[PublishedFile]) -> None:
        self._cursor = cursor
        self._files: dict[str, list[PublishedFile]] = {}
        for file in files:
            self._files.setdefault(file.table, []).append(file)

    def take(self) -> None:
        """Nothing to do: these files are there to be read."""

    def release(self) -> None:
        """Nothing to do."""

    def files(self) -> Iterable[Path]:
        """All of them."""
        return (each.path for files in self._files.values() for each in files)

    def columns(self, table: str) -> dict[str, str]:
        source = self.sql(table, 0, 2**62)
        if source is None:
            return {}
        return {
            row[0]: row[1] for row in self._cursor.execute(f"DESCRIBE FROM {source}").fetchall()
        }

    def sql(self, table: str, first: int, last: int) -> str | None:
        return together(
            (each.path, each.columns)
            for each in self._files.get(table, ())
            if each.last >= first and each.first <= last
        )
