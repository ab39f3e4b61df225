"""Space on the disk: when to warn, and when to stop judging rather than delete anything.

See decision 0009.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from qc_edge.errors import DiskFullError, DiskReadOnlyError
from qc_edge.settings import StorageSettings
from qc_edge.store.disk_room import DiskRoom
from qc_edge.store.disk_trend import DiskTrend
from qc_edge.store.durable import Disk

_REFUSED_S = 2.0
"""After a write that found no space, nothing is tried for this long, whatever the file system says:
a quota does not show in statvfs.
"""

_FOUND_NO_ROOM = "but a write found no room"
_FOUND_READ_ONLY = "but a write found it read-only"

_RESUME = 1.05
"""Judging resumes only with 5 % more than the bound, so that it does not flutter."""


class DiskSpace(str, Enum):
    """How much space there is: enough, below the warning, or too little to judge."""

    ENOUGH = "enough"
    LOW = "low"
    NONE = "none"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class InodeBound:
    """So many inodes are to be left for files, or that part of them all on a small disk."""

    number: int
    part: float

    def of(self, inodes: int) -> int:
        """The bound where there are `inodes` in all."""
        return min(self.number, int(self.part * inodes))


_STOP, _WARN = InodeBound(1_000, 0.01), InodeBound(20_000, 0.05)
"""A part takes up to six files; at ten parts a second the warning comes an hour before."""


class DiskMonitor:
    """The state of the disk. Housekeeping measures it every second; capture and the inspector look
    at `space` before they write, and report a write that found none.
    """

    def __init__(self, state: Path, disk: Disk, limits: StorageSettings) -> None:
        self._state = state
        self._disk = disk
        self.limits = limits
        self.free_mb = 0.0
        self.room = DiskRoom(0, None, 0, is_read_only=False)
        self.space = DiskSpace.ENOUGH
        self.trend = DiskTrend()
        self._refused_at = -_REFUSED_S
        self._refusal = _FOUND_NO_ROOM
        self.measure()

    def measure(self) -> bool:
        """Ask the file system; True if `space` has changed."""
        self.free_mb = self._disk.free_bytes(self._state) / 1e6
        self.room = DiskRoom.of(self._state)
        self.trend.see(time.monotonic(), self.free_mb)
        before = self.space
        more = _RESUME if before is DiskSpace.NONE else 1
        is_full = self.free_mb < self.limits.stop_free_mb * more or self._lacks_inodes(_STOP, more)
        if is_full or self.room.is_read_only or self._was_refused:
            self.space = DiskSpace.NONE
        elif self.free_mb < self.limits.warn_free_mb or self._lacks_inodes(_WARN):
            self.space = DiskSpace.LOW
        else:
            self.space = DiskSpace.ENOUGH
        return self.space is not before

    def report_full(self, fault: DiskFullError) -> None:
        """Call it when a write has found no room, whatever was measured last."""
        self._refused_at = time.monotonic()
        self._refusal = _FOUND_READ_ONLY if isinstance(fault, DiskReadOnlyError) else _FOUND_NO_ROOM
        self.space = DiskSpace.NONE

    @property
    def _was_refused(self) -> bool:
        return time.monotonic() - self._refused_at < _REFUSED_S

    def _lacks_inodes(self, bound: InodeBound, more: float = 1.0) -> bool:
        free = self.room.free_inodes
        return free is not None and free < more * bound.of(self.room.inodes)

    @property
    def days_left(self) -> float | None:
        """Days until the station stops for want of room, at the rate of the last day; None while
        that is not known, or there is no end to it.
        """
        return self.trend.days_left(self.limits.stop_free_mb)

    def seconds_left(self) -> float | None:
        """The same in seconds."""
        days = self.days_left
        return None if days is None else days * 86_400

    @property
    def forecast(self) -> str:
        """The same in words; empty while it is not known."""
        return self.trend.words(self.limits.stop_free_mb)

    @property
    def description(self) -> str:
        """The state of the disk in words, for status and events."""
        limits, inodes = self.limits, self.room.free_inodes
        free = f"{self.free_mb:,.0f} MB free"
        if self.room.is_read_only:
            return "mounted read-only: nothing is captured or judged until it can be written"
        if self._lacks_inodes(_STOP, _RESUME if self.space is DiskSpace.NONE else 1):
            bound = _STOP.of(self.room.inodes)
            return (
                f"{free}, but {inodes:,} inodes, too many files: below {bound:,} inodes nothing is "
                "captured or judged"
            )
        if self.space is DiskSpace.NONE and self._was_refused:
            return f"{free}, {self._refusal}: nothing is captured or judged until one does"
        if self.space is DiskSpace.NONE:
            return f"{free}: below {limits.stop_free_mb:,.0f} MB nothing is captured or judged"
        if self._lacks_inodes(_WARN):
            bound = _STOP.of(self.room.inodes)
            return f"{free}, but {inodes:,} inodes: at {bound:,} inodes the station will stop"
        if self.space is DiskSpace.LOW:
            return f"{free}: at {limits.stop_free_mb:,.0f} MB the station will stop"
        return free
