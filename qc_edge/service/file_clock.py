"""The clock of a directory's file system, which on a file server is not this machine's."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

_PROBE = ".qc-edge-clock"
_FRESH_S = 10.0


class FileSystemClock:
    """Measured by a hidden file that is written, asked for its time, and removed.

    Of two for one directory, each needs a `probe` of its own: a name for that file. Safe from any
    thread.
    """

    def __init__(self, directory: Path, probe: str = _PROBE) -> None:
        self._probe = directory / probe
        self._lock = threading.Lock()
        self._offset: float | None = None  # file system's clock less the monotonic clock, in s
        self._measured_at = -_FRESH_S

    def age_s(self, status: os.stat_result) -> float | None:
        """Seconds since the file was last written or renamed; None if the clock is not known.

        By the later of mtime and ctime: a writer may set mtime to any time, ctime nobody can.
        """
        now, offset = time.monotonic(), self._fresh_offset()
        return None if offset is None else now + offset - max(status.st_mtime, status.st_ctime)

    def to_monotonic_ns(self, time_ns: int) -> int | None:
        """A file's time (ns since the epoch) on CLOCK_MONOTONIC; None if the clock is not known."""
        offset = self._fresh_offset()
        return None if offset is None else time_ns - round(offset * 1e9)

    def _fresh_offset(self) -> float | None:
        with self._lock:
            now = time.monotonic()
            if now - self._measured_at >= _FRESH_S:
                self._measured_at, self._offset = now, self._measure()
            return self._offset

    def _measure(self) -> float | None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self._probe, flags, 0o600)
            try:
                os.write(fd, b"\n")
            finally:
                os.close(fd)
            # After closing: a network file system asks its server for the time only then.
            offset = self._probe.stat().st_mtime - time.monotonic()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            self._probe.unlink()
        return offset
