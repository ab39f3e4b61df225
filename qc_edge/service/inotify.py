"""Whether this user has any inotify left, and what to do where not; see inotify(7)."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_IN_CLOEXEC = os.O_CLOEXEC
_IN_CLOSE_WRITE = 0x08
_USED_UP = {
    errno.EMFILE: "max_user_instances",
    errno.ENOSPC: "max_user_watches",
    errno.ENOMEM: "max_user_watches",
}


def watch_fault(fault: OSError) -> str:
    """Why a directory cannot be watched, and what to do."""
    if fault.errno not in _USED_UP:
        return fault.strerror or str(fault)
    setting = f"fs.inotify.{_USED_UP[fault.errno]}"
    return f"no inotify left for this user: sysctl -w {setting}=65536 (keep it in /etc/sysctl.d)"


def try_to_watch(directory: Path) -> None:
    """Start a watch and end it. Raises OSError if there can be none."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = _checked(libc.inotify_init1(_IN_CLOEXEC))
    try:
        _checked(libc.inotify_add_watch(fd, os.fsencode(directory), _IN_CLOSE_WRITE))
    finally:
        os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
