"""Whether a listed file, of which no event says that it is finished, is being written no more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from qc_edge.intake.file_uses import FileUses
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.service.open_files import is_local, is_open_for_writing

_LOOK_AGAIN_S = 1.0
"""Before a file that somebody has open for writing is asked for again."""

_HELD_S = 60.0
"""A writer that has written nothing for so long is worth a look."""


@dataclass(slots=True)
class _Unsettled:
    """A listed file without an event that it is finished: its size and times, since when.

    `since`, and `not_before` when it is asked again whether it is open, are in seconds of the
    monotonic clock.
    """

    state: tuple[int, int, int]
    since: float
    not_before: float = 0.0


class Settling:
    """The files of one directory that are waited for; used by the arrivals worker."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file_clock = FileSystemClock(directory)
        self._files: dict[str, _Unsettled] = {}
        self._used: set[str] = set()  # at the last listing
        self.uses = FileUses(is_local(directory))

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def names(self) -> list[str]:
        """The names of these files."""
        return list(self._files)

    def add(self, name: str) -> None:
        """`name` was listed."""
        self._files.setdefault(name, _Unsettled((-1, -1, -1), time.monotonic()))

    def discard(self, name: str) -> None:
        """`name` was taken, or has gone."""
        self._files.pop(name, None)

    def keep_only(self, names: set[str]) -> None:
        """All others have gone."""
        for gone in self._files.keys() - names:
            del self._files[gone]
        # What is made behind the listing has not gone.
        self.uses.forget(self._used - names)
        self._used = self.uses.names()

    def is_held_open(self, name: str) -> bool:
        """True if the writer of `name` has had it open for long and does nothing."""
        unsettled = self._files[name]
        return bool(unsettled.not_before) and time.monotonic() - unsettled.since > _HELD_S

    def has_settled(self, name: str, settle_s: float) -> bool:
        """True once `name` was unchanged for `settle_s` and nobody writes it. Raises OSError."""
        unsettled, now = self._files[name], time.monotonic()
        status = os.lstat(self._directory / name)
        state = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if state != unsettled.state:
            unsettled.state, unsettled.since = state, now
        if now - unsettled.since < settle_s:
            # A file that has lain there for long needs no second look, if its own time says so.
            age_s = self._file_clock.age_s(status)
            if age_s is None or age_s < settle_s:
                return False
        if now < unsettled.not_before:
            return False
        # A writer may pause for longer: as long as it has the file open, it is waited for.
        unsettled.not_before = now + _LOOK_AGAIN_S
        is_open = is_open_for_writing(self._directory / name)
        if is_open is None:
            is_open = self.uses.is_written(name, now - unsettled.since)
        return not is_open
