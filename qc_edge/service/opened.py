"""Hears when another process opens a file: inotify(7), on the one file and not on its directory."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from pathlib import Path

_IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")
"""Watch, mask, cookie, length of the name that follows (none here)."""

_READ = 1 << 16


class OpenWatch:
    """One file at a time. Used by one thread."""

    def __init__(self) -> None:
        """Raises OSError where the user has no instance left (fs.inotify.max_user_instances)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._current = -1
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error("inotify")

    def turn_to(self, path: Path) -> None:
        """From now on watch the file that is at `path`, under whatever name; forget the one before."""
        watch = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN)
        if watch < 0:
            raise _error(str(path))
        if self._current >= 0:
            self._libc.inotify_rm_watch(self._fd, self._current)  # refused where the file has gone: fine
        self._current = watch

    def wait(self, timeout_s: float) -> bool:
        """True as soon as the file has been opened, False after `timeout_s` or for older news."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        events = _EVENT.iter_unpack(os.read(self._fd, _READ))
        return any(watch == self._current and mask & _IN_OPEN for watch, mask, _, _ in events)

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
