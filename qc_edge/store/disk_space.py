"""Room on the disk: when to warn, and when to stop judging rather than delete anything."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path

from qc_edge.settings import StorageSettings
from qc_edge.store.durable import Disk

_REFUSED_S = 2.0
"""After a write that found no room, nothing is tried for this long, whatever the file system says.
"""

_RESUME = 1.05
"""Goes on only with 5 % more than the bound, so that it does not flutter."""


class DiskSpace(str, Enum):
    """How much room there is."""

    ENOUGH = "enough"
    LOW = "low"
    NONE = "none"

    __str__ = str.__str__


class DiskMonitor:
    """Looked at every second by the janitor; asked by capture and the inspector before they
    write.
    """

    def __init__(self, state: Path, disk: Disk, limits: StorageSettings) -> None:
        self._state = state
        self._disk = disk
        self.limits = limits
        self.free_mb = 0.0
        self.space = DiskSpace.ENOUGH
        self._refused_at = -_REFUSED_S
        self.measure()

    def measure(self) -> bool:
        """Measure; True if the answer has changed."""
        self.free_mb = self._disk.free_bytes(self._state) / 1e6
        before = self.space
        stop_below = self.limits.stop_free_mb * (_RESUME if before is DiskSpace.NONE else 1)
        if self.free_mb < stop_below or self._was_refused:
            self.space = DiskSpace.NONE
        else:
            self.space = (
                DiskSpace.LOW if self.free_mb < self.limits.warn_free_mb else DiskSpace.ENOUGH
            )
        return self.space is not before

    def report_full(self) -> None:
        """A write has found no room, whatever the last look said."""
        self._refused_at = time.monotonic()
        self.space = DiskSpace.NONE

    @property
    def _was_refused(self) -> bool:
        return time.monotonic() - self._refused_at < _REFUSED_S

    @property
    def description(self) -> str:
        """The state of the disk in words."""
        limits = self.limits
        said = f"{self.free_mb:,.0f} MB free"
        if self.space is DiskSpace.NONE and self._was_refused:
            return (
                f"{said}, but a write found no room: nothing is captured or judged until one does"
            )
        if self.space is DiskSpace.NONE:
            return f"{said}: below {limits.stop_free_mb:,.0f} MB nothing is captured or judged"
        if self.space is DiskSpace.LOW:
            return f"{said}: at {limits.stop_free_mb:,.0f} MB the station will stop"
        return said
