"""Space on the disk: when to warn, and when to stop judging rather than delete anything.

See decision 0009.
"""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path

from qc_edge.settings import StorageSettings
from qc_edge.store.durable import Disk

_REFUSED_S = 2.0
"""After a write that found no space, nothing is tried for this long, whatever the file system says:
a quota does not show in statvfs.
"""

_RESUME = 1.05
"""Judging resumes only with 5 % more than the bound, so that it does not flutter."""


class DiskSpace(str, Enum):
    """How much space there is: enough, below the warning, or too little to judge."""

    ENOUGH = "enough"
    LOW = "low"
    NONE = "none"

    __str__ = str.__str__


class DiskMonitor:
    """The state of the disk. Housekeeping measures it every second; capture and the inspector look
    at `space` before they write, and report a write that found none.
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
        """Ask the file system; True if `space` has changed."""
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
        """Call it when a write has found no space, whatever was measured last."""
        self._refused_at = time.monotonic()
        self.space = DiskSpace.NONE

    @property
    def _was_refused(self) -> bool:
        return time.monotonic() - self._refused_at < _REFUSED_S

    @property
    def description(self) -> str:
        """The state of the disk in words, for status and events."""
        limits = self.limits
        free = f"{self.free_mb:,.0f} MB free"
        if self.space is DiskSpace.NONE and self._was_refused:
            return (
                f"{free}, but a write found no room: nothing is captured or judged until one does"
            )
        if self.space is DiskSpace.NONE:
            return f"{free}: below {limits.stop_free_mb:,.0f} MB nothing is captured or judged"
        if self.space is DiskSpace.LOW:
            return f"{free}: at {limits.stop_free_mb:,.0f} MB the station will stop"
        return free
