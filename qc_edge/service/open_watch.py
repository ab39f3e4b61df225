"""Hears when another process opens a file: inotify(7), on the files themselves and not on their
directory.
"""

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
    """Watches files, not names: a rename changes nothing. Used by one thread."""

    def __init__(self) -> None:
        """Raises OSError where the user has no instance left (fs.inotify.max_user_instances)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error("inotify")

    def add(self, path: Path) -> int:
        """Watch the file that is at `path` until it has gone; its number."""
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN)
        if number < 0:
            raise _error(str(path))
        return int(number)

    def wait(self, number: int, timeout_s: float) -> bool:
        """True as soon as that file has been opened, False after `timeout_s` or for news of
        others.
        """
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        events = _EVENT.iter_unpack(os.read(self._fd, _READ))
        return any(watch == number and mask & _IN_OPEN for watch, mask, _, _ in events)

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
