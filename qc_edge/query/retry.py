"""A query put again where it met the replacement of a published file. For `published_log` alone.

DuckDB (1.4 to 2.0) opens a Parquet file by its name more than once: for the footer, then for the
rows. The file of the current hour is replaced every few seconds, and a query between whose openings
that happens reads the rows of one file by the footer of another. It fails, in words that sound like
damage: "TProtocolException: Invalid data", "Prefetch registered for bytes outside file".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import duckdb

from qc_edge.store.log.duck import DAMAGE

_T = TypeVar("_T")

_ATTEMPTS = 5
_CLOCK_GRAIN_S = 0.1
"""The kernel stamps files with a clock that ticks more slowly than the one of `time`."""


def retried(query: Callable[[], _T], files: Callable[[], Iterable[Path]]) -> _T:
    """What `query` gives; put again where it fails and one of `files` was replaced meanwhile.

    Raises as the query does: duckdb.Error, or UnicodeDecodeError on damaged text.
    """
    for _ in range(_ATTEMPTS - 1):
        began = time.time()
        try:
            return query()
        except duckdb.InterruptException:
            raise
        except DAMAGE:
            if not replaced_since(began, files()):
                raise
    return query()


def replaced_since(began: float, files: Iterable[Path]) -> bool:
    """Whether one of `files` was put in its place, or taken away, since `began` (seconds since
    1970).
    """
    # ctime, not mtime: a rename into place sets it, and a file's mtime is that of its writing.
    return any(_changed_at(file) >= began - _CLOCK_GRAIN_S for file in files)


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_ctime
    except FileNotFoundError:
        return float("inf")
