"""Notices when another process opens a file, by inotify(7).

On the files themselves and not on their directory, unlike watchdog, whose events carry names: here
a file keeps its watch when it is renamed. libc is called directly, since Python has no inotify.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
from pathlib import Path

_IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")
"""struct inotify_event: watch, mask, cookie, length of the name that follows (0 for a file)."""

_READ_BYTES = 1 << 16


class OpenWatch:
    """Watches files for being opened. Used by one thread."""

    def __init__(self) -> None:
        """Raises OSError where the user has no instance left (fs.inotify.max_user_instances)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error("inotify")

    def add(self, path: Path) -> int:
        """Watch the file at `path` until it is deleted; the number of the watch."""
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN)
        if number < 0:
            raise _error(str(path))
        return int(number)

    def wait(self, number: int, timeout_s: float) -> bool:
        """True as soon as the file with that watch has been opened; False after `timeout_s` (s), or
        when another watched file was opened.
        """
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        events = _EVENT.iter_unpack(os.read(self._fd, _READ_BYTES))
        return any(watch == number and mask & _IN_OPEN for watch, mask, _, _ in events)

    def close(self) -> None:
        """End all watches."""
        os.close(self._fd)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
