"""Files that another node may still be writing: held back until they may be offered again.

Pure: no clock, no disk.
"""

from __future__ import annotations

from qc_edge.store.spooled_file import SpooledFile


class DeferredFiles:
    """Files that wait for a moment of the monotonic clock (s). Not locked: the owner does that."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, SpooledFile]] = []

    def __bool__(self) -> bool:
        """True if any file waits."""
        return bool(self._waiting)

    def add(self, file: SpooledFile, not_before: float) -> None:
        """`file` is due from `not_before` on."""
        self._waiting.append((not_before, file))

    def take_due(self, now: float) -> list[SpooledFile]:
        """The files that are due at `now`, in the order in which they were added; they leave."""
        due = [file for not_before, file in self._waiting if not_before <= now]
        if due:
            self._waiting = [later for later in self._waiting if later[0] > now]
        return due
