"""Where the judged past is read: the published files of any station, or a database at rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from qc_edge.domain.history import Selection
from qc_edge.errors import UsageError
from qc_edge.query.history import History, unreadable
from qc_edge.store.duck import open_duckdb, quoted

_MEMORY = "1GB"
"""The station that is asked may be running on the same machine."""


@contextmanager
def published(directory: Path, selection: Selection) -> Iterator[History]:
    """The past in the published files under `directory`; the station may be running.

    Only the files of the hours in question are opened. Raises UsageError if there are none at all.
    """
    files = _files(directory / "inspections", selection)
    if not any((directory / "inspections").glob("*/*.parquet")):
        raise UsageError(
            f"nothing is published in {directory}",
            hint="a station publishes while it runs; of one at rest, --database asks the database "
            "itself",
        )
    labels, shadow = (
        _files(directory / table, Selection()) for table in ("labels", "shadow_scores")
    )
    with open_duckdb(memory_limit=_MEMORY) as log:
        yield History(
            log,
            selection,
            _rows_of(files, _NO_ROWS),
            _rows_of(labels, _NO_LABELS),
            _rows_of(shadow, _NO_SHADOW),
            lambda: map(Path, (*files, *labels, *shadow)),
        )


@contextmanager
def at_rest(database: Path, selection: Selection) -> Iterator[History]:
    """The past in the database of a station that is not running. Raises StoreError if it does not
    open.
    """
    if not database.exists():
        raise UsageError(
            f"there is no {database}", hint="a station makes it when it runs for the first time"
        )
    try:
        log = open_duckdb(database, read_only=True, memory_limit=_MEMORY)
    except duckdb.Error as fault:
        raise unreadable(str(database), fault) from fault
    with log:
        yield History(log, selection)


_NO_ROWS = (
    "(SELECT NULL::VARCHAR AS frame_id, NULL::TIMESTAMP AS recorded_at, NULL::VARCHAR AS part_id, "
    "NULL::VARCHAR AS camera, NULL::DOUBLE AS score, NULL::DOUBLE AS threshold, "
    "NULL::VARCHAR AS threshold_id, NULL::VARCHAR AS verdict, NULL::VARCHAR AS model_name, "
    "NULL::VARCHAR AS model_version, NULL::VARCHAR AS prepared_path, "
    "NULL::VARCHAR AS prepared_sha256 WHERE false)"
)
_NO_LABELS = (
    "(SELECT NULL::VARCHAR AS frame_id, NULL::VARCHAR AS label, 0 AS chain_seq WHERE false)"
)
_NO_SHADOW = (
    "(SELECT NULL::VARCHAR AS frame_id, NULL::DOUBLE AS score, NULL::DOUBLE AS threshold, "
    "NULL::VARCHAR AS model_name, NULL::VARCHAR AS model_version, 0::BIGINT AS dropped_before "
    "WHERE false)"
)


def _files(directory: Path, selection: Selection) -> list[str]:
    """The files of the hours that `selection` touches, in order of time."""
    found = []
    for file in sorted(directory.glob("date=*/hour=*.parquet")):
        try:
            named = f"{file.parent.name} {file.name} +0000"
            start = datetime.strptime(named, "date=%Y-%m-%d hour=%H.parquet %z")
        except ValueError:
            continue
        ends_before = selection.since is not None and start + timedelta(hours=1) <= selection.since
        begins_after = selection.until is not None and start >= selection.until
        if not ends_before and not begins_after:
            found.append(str(file))
    return found


def _rows_of(files: Sequence[str], nothing: str) -> str:
    return f"read_parquet({_list(files)}, hive_partitioning = false)" if files else nothing


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(Path(_literal(file))) for file in files) + "]"


def _literal(path: str) -> str:
    """`path` with the signs that a glob would take for patterns taken literally."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)
