"""Open a station's past: what it has published, or its database while it is at rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qc_edge.domain.history import Selection
from qc_edge.errors import BusyError, UsageError
from qc_edge.query.history import History
from qc_edge.query.history_sources import at_rest, published
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, StationPaths


@contextmanager
def open_past(paths: StationPaths, selection: Selection, database: bool) -> Iterator[History]:
    """The inspections of `selection`. Raises UsageError, StoreError, or BusyError for a running
    database.
    """
    if not database:
        with published(paths.published, selection) as history:
            yield history
        return
    if holder := holder_of(paths.lock(Role.INSPECT)):
        raise BusyError(
            f"{paths.name} is running ({holder}): it alone opens {paths.database}",
            hint="leave --database out to read what it publishes, or stop it first",
        )
    with at_rest(paths.database, selection) as history:
        yield history


def nothing_fits(paths: StationPaths, database: bool) -> UsageError:
    """What to say when the selection is empty: what there is instead."""
    with open_past(paths, Selection(), database) as everything:
        return UsageError("no inspection fits the question", hint=everything.extent())
