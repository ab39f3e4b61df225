"""Dropped files that can be neither moved nor copied into the spool: no fault of the station.

They stay where they are and are tried again; the log has an event of each kind of fault, once.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import StoreError

_RETRY_S = 10.0


@dataclass(frozen=True, slots=True)
class _Blocked:
    cause: str
    retry_at: float


class BlockedFiles:
    """The names of such files; used by the arrivals worker, `warning` by any thread."""

    def __init__(self, directory: os.PathLike[str], events: EventLog) -> None:
        self._directory = os.fspath(directory)
        self._events = events
        self._files: dict[str, _Blocked] = {}
        self._reported: set[str] = set()
        self.warning = ""

    def add(self, name: str, fault: OSError | StoreError) -> None:
        """`name` could not be taken."""
        cause = _cause(fault)
        self._files[name] = _Blocked(cause, time.monotonic() + _RETRY_S)
        self._describe()
        if cause not in self._reported:
            self._reported.add(cause)
            detail = (
                f"{self._directory}/{name!r} cannot be taken: {cause}; it stays there and is tried "
                f"again, and so are others of which that is true"
            )
            self._events.report(Occurrence(EventKind.FILE_BLOCKED, detail, who="arrivals"))

    def discard(self, name: str) -> None:
        """`name` was taken, or has gone."""
        if self._files.pop(name, None) is None:
            return
        self._describe()
        if not self._files:
            self._reported.clear()
            detail = f"every file in {self._directory} can be taken again"
            self._events.report(Occurrence(EventKind.FILES_UNBLOCKED, detail, who="arrivals"))

    def is_waiting(self, name: str, now: float) -> bool:
        """Whether `name` is not to be tried yet."""
        blocked = self._files.get(name)
        return blocked is not None and now < blocked.retry_at

    def keep_only(self, names: set[str]) -> None:
        """All others have gone."""
        for name in self._files.keys() - names:
            self.discard(name)

    def _describe(self) -> None:
        self.warning = ""
        if self._files:
            name, blocked = next(iter(self._files.items()))
            count = f"{len(self._files)} files" if len(self._files) > 1 else "1 file"
            self.warning = f"incoming: {count} cannot be taken: {name!r}: {blocked.cause}"


def _cause(fault: OSError | StoreError) -> str:
    """In words that are the same for every file with that fault: the system's, without a path."""
    system = fault if isinstance(fault, OSError) else fault.__cause__
    return os.strerror(system.errno or errno.EIO) if isinstance(system, OSError) else str(fault)
