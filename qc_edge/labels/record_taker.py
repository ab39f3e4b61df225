"""Takes up the records that wait in a directory: each once it is sound, else it is set aside.

Runs on the station's thread for upkeep. What a record says is for whoever it is made for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import RecordError, StoreError
from qc_edge.labels import drop
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.vision import UnreadableFrameError

_BUDGET_S = 0.25
"""For one look: the same thread shows that the station lives, and watches its disk."""

_MOST_REFUSED = 20
"""In one look: each is an event."""


@dataclass(frozen=True, slots=True)
class RecordTaking:
    """Where records wait, and the kind of the event that says that one was set aside."""

    paths: StationPaths
    directory: Path
    events: EventLog
    refused: EventKind


class RecordTaker:
    """Used by one thread.

    `take(path)` makes rows of one record and removes it, or leaves it where it has to wait; it
    raises RecordError or UnreadableFrameError for one that is refused.
    """

    def __init__(self, taking: RecordTaking, take: Callable[[Path], object]) -> None:
        self._taking = taking
        self._take = take
        self._stuck: set[str] = set()
        """Refused, and not to be moved: said once."""
        self._last_error = ""

    def look(self) -> None:
        """Take up what waits, as much as fits into a moment; never raises StoreError."""
        try:
            self._look(time.monotonic() + _BUDGET_S)
            self._last_error = ""
        except StoreError as fault:
            # A full disk: the records wait, and so do the frames.
            if str(fault) != self._last_error:
                LOG.error("%s wait: %s", self._taking.directory.name, fault)
            self._last_error = str(fault)

    def _look(self, end: float) -> None:
        records = drop.waiting(self._taking.directory)
        self._stuck &= {path.name for path in records}
        refused = 0
        for path in records:
            if time.monotonic() > end or refused >= _MOST_REFUSED:
                return
            if path.name in self._stuck:
                continue
            try:
                self._take(path)
            except (RecordError, UnreadableFrameError) as fault:
                refused += 1
                self._refuse(path, fault)
            except FileNotFoundError:
                continue  # whoever wrote it has taken it away

    def _refuse(self, path: Path, fault: RecordError | UnreadableFrameError) -> None:
        """Say why in the log, then move the record out of the way. Raises StoreError."""
        why = fault.message if isinstance(fault, RecordError) else fault.detail
        detail = f"the record {path.name[:120]!r} is set aside: {why[:500]}"
        self._taking.events.record([Occurrence(self._taking.refused, detail)])
        try:
            drop.set_aside(self._taking.paths, path)
        except StoreError as stuck:
            self._stuck.add(path.name)
            LOG.error("%s", stuck)
