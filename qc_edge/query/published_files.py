"""The files of the published log, by table and hour: how they are named, found, and given to SQL.
Opens none.

`inspections/date=2026-11-22/hour=13.parquet` holds the rows of `inspections` that were recorded in
that hour (UTC).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from qc_edge.store.log.duck import quoted

HOUR_FILE = "date=%Y-%m-%d/hour=%H.parquet"
"""Of a table's directory, for strftime. `date=` is the form of partitions that DuckDB, Spark and
Polars know ("hive"): a query with a filter on `date` opens only the files of those days.
"""

ANY_HOUR = "date=????-??-??/hour=??.parquet"

SEALS = "seal"
SEAL_FILE = "date=%Y-%m-%d.json"

_HOUR = re.compile(r"date=(\d{4}-\d{2}-\d{2})/hour=(\d{2})\.parquet$")


def hour_of(path: Path) -> datetime | None:
    """The hour (UTC, without a zone, as DuckDB has it) in a file's name; None if it names none."""
    match = _HOUR.search(path.as_posix())
    if match is None:
        return None
    try:
        return datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H")  # noqa: DTZ007 - UTC
    except ValueError:
        return None


def hour_files(
    directory: Path, table: str, since: datetime | None = None, until: datetime | None = None
) -> list[Path]:
    """The files of `table` that may hold rows recorded from `since` up to `until` (aware UTC)."""
    first = _naive(since) - timedelta(hours=1) if since else None
    end = _naive(until) if until else None
    days = [
        name
        for name in sorted(_days(directory / table))
        if (first is None or name >= f"date={first.date()}")
        and (end is None or name <= f"date={end.date()}")
    ]
    return [
        path
        for name in days
        for path in sorted((directory / table / name).glob("hour=*.parquet"))
        if (hour := hour_of(path)) is not None
        and (first is None or hour > first)
        and (end is None or hour < end)
    ]


def oldest_file(directory: Path, table: str) -> Path | None:
    """The file of the first hour of `table`; None if nothing is published. Lists few directories:
    a log of a year has some nine thousand files.
    """
    for name in sorted(_days(directory / table)):
        if hours := sorted((directory / table / name).glob("hour=*.parquet")):
            return hours[0]
    return None


def newest_file(directory: Path, table: str) -> Path | None:
    """The file of the last hour of `table`; None if nothing is published."""
    for name in sorted(_days(directory / table), reverse=True):
        if hours := sorted((directory / table / name).glob("hour=*.parquet")):
            return hours[-1]
    return None


def files_of_other_days(directory: Path, table: str, days: Collection[date]) -> list[Path]:
    """The files of `table` of all days but `days`, oldest first."""
    return [
        path
        for day in other_days(directory, table, days)
        for path in sorted((directory / table / f"date={day}").glob("hour=*.parquet"))
    ]


def other_days(directory: Path, table: str, days: Collection[date]) -> list[date]:
    """The days of `table` that are not among `days`, oldest first."""
    names = set(_days(directory / table)) - {f"date={day}" for day in days}
    found = []
    for name in sorted(names):
        with suppress(ValueError):  # no day: a stranger's directory
            found.append(date.fromisoformat(name.removeprefix("date=")))
    return found


def _days(directory: Path) -> list[str]:
    # A name alone, and no Path: a log of years has thousands.
    try:
        return [name for name in os.listdir(directory) if name.startswith("date=")]  # noqa: PTH208
    except FileNotFoundError:
        return []


def all_files(directory: Path) -> Iterator[Path]:
    """The files of all tables, in no order."""
    return directory.glob("*/date=*/hour=*.parquet")


def seal_path(published: Path, day: date) -> Path:
    """Where the manifest of that day is, or will be once it is sealed."""
    return published / SEALS / f"{day:{SEAL_FILE}}"


def sql_path(path: Path) -> str:
    """`path` as a literal of SQL that DuckDB takes for this one file.

    DuckDB takes the argument of read_parquet for a pattern, and has no escape but a class of one
    character: a station under `/srv/line[1]` would not find its files.
    """
    return quoted(glob_escaped(str(path)))


def union(files: Iterable[tuple[Path, frozenset[str]]]) -> str | None:
    """What stands behind FROM for all rows of these files, with the columns of each, of which
    earlier ones may lack later columns; None if there are no files.

    Not union_by_name: DuckDB 2.0 then looks into all files first, and stumbles over one that is
    replaced before its rows are read, as that of the hour is every few seconds. `date=` in the path
    is no column of the log: hive_partitioning, which DuckDB would find by itself, is off.
    """
    alike: dict[frozenset[str], list[str]] = {}
    for path, columns in files:
        alike.setdefault(columns, []).append(sql_path(path))
    parts = [
        f"read_parquet([{', '.join(paths)}], hive_partitioning = false)" for paths in alike.values()
    ]
    if len(parts) > 1:
        return f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {part}' for part in parts)})"  # noqa: S608
    return parts[0] if parts else None


def glob_escaped(path: str) -> str:
    """`path` with the characters that a glob takes for patterns taken literally."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
