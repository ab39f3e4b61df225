"""A station's history opened: over what it has published, or over its database while at rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qc_edge.domain.history import Selection
from qc_edge.errors import BusyError, UsageError
from qc_edge.query.database_at_rest import DatabaseAtRest
from qc_edge.query.past.history import History
from qc_edge.query.published_files import oldest_file
from qc_edge.query.published_log import PublishedLog
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, StationPaths

_MEMORY = "1GB"
"""A pass over years of scores; the station may be running on the same machine."""


@contextmanager
def open_history(
    paths: StationPaths, selection: Selection, database: bool, writable: Sequence[Path] = ()
) -> Iterator[History]:
    """The inspections of `selection`; `writable` are files that may be written with them.

    Raises UsageError where there is nothing to read, StoreError, or BusyError for the database of a
    running station.
    """
    if not database:
        with published_history(paths.published, selection, writable) as history:
            yield history
        return
    if holder := holder_of(paths.lock(Role.INSPECT)):
        raise BusyError(
            f"{paths.name} is running ({holder}): it alone opens {paths.database}",
            hint="leave --database out to read what it publishes, or stop it first",
        )
    with history_at_rest(paths.database, selection) as history:
        yield history


@contextmanager
def published_history(
    directory: Path, selection: Selection, writable: Sequence[Path] = ()
) -> Iterator[History]:
    """The history in the published files under `directory`; the station may be running.

    Only the files of the hours in question are opened. Raises UsageError if there are none at all.
    """
    if oldest_file(directory, "inspections") is None:
        raise UsageError(
            f"nothing is published in {directory}",
            hint="a station publishes while it runs; of one at rest, --database asks the database "
            "itself",
        )
    with PublishedLog(directory, memory_limit=_MEMORY, writable=writable) as log:
        yield History(log.cursor(), selection)


@contextmanager
def history_at_rest(database: Path, selection: Selection) -> Iterator[History]:
    """The history in the database of a station that is not running. Raises UsageError if there is
    no such file, StoreError if it does not open.
    """
    if not database.exists():
        raise UsageError(
            f"there is no {database}", hint="a station makes it when it runs for the first time"
        )
    source = DatabaseAtRest(database, _MEMORY)
    with source.held():
        yield History(source, selection)


def nothing_matches(paths: StationPaths, database: bool) -> UsageError:
    """The error for a selection without inspections; its hint says what the log holds instead."""
    with open_history(paths, Selection(), database) as everything:
        extent = everything.extent()
    hint = extent or (
        "the log holds no inspection yet"
        if database
        else "none is published yet: a station publishes its rows within seconds; of one at rest, "
        "--database asks the database itself"
    )
    return UsageError("no inspection fits the question", hint=hint)
