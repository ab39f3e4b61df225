"""A question to published files, put again where it met the replacement of one of them.

DuckDB (1.4 to 2.0) opens a Parquet file by its name more than once: for the footer, then for the
rows. The file of the current hour is replaced every few seconds, and a question between whose
openings that happens reads the rows of one file by the footer of another. It fails, in words that
sound like damage: "TProtocolException: Invalid data", "Prefetch registered for bytes outside file".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import duckdb

_T = TypeVar("_T")
PORTION = 2000
"""Rows that are taken over into Python at once."""
_TIMES = 5
_GRAIN_S = 0.1
"""The kernel stamps files with a clock that ticks more slowly than the one of `time`."""


def asked_again(question: Callable[[], _T], files: Callable[[], Iterable[Path]]) -> _T:
    """What `question` says; put again where it fails and one of `files` was replaced meanwhile.

    Raises duckdb.Error as the question does.
    """
    for _ in range(_TIMES - 1):
        began = time.time()
        try:
            return question()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            if not replaced_since(began, files()):
                raise
    return question()


def in_portions(
    log: duckdb.DuckDBPyConnection, query: str, values: object, files: Callable[[], Iterable[Path]]
) -> Iterator[list[tuple[Any, ...]]]:
    """The answer to `query`, some rows at a time; put again where it fails before the first of
    them.

    Raises duckdb.Error.
    """
    portion = asked_again(lambda: log.execute(query, values).fetchmany(PORTION), files)
    while portion:
        yield portion
        portion = log.fetchmany(PORTION)


def replaced_since(began: float, files: Iterable[Path]) -> bool:
    """Whether one of `files` was put in its place, or taken away, since `began` (seconds since
    1970).
    """
    return any(_changed_at(file) >= began - _GRAIN_S for file in files)


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_ctime
    except FileNotFoundError:
        return float("inf")
