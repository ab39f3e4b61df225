"""Whether somebody has a file open for writing, asked of this machine's kernel."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import signal
import stat
from pathlib import Path

_LOCAL = {
    0xEF53,  # ext2, ext3, ext4
    0x58465342,  # XFS
    0x9123683E,  # Btrfs
    0xF2F52010,  # F2FS
    0x2FC12FC1,  # ZFS
    0x01021994,  # tmpfs
    0x794C7630,  # overlayfs
    0x4D44,  # FAT
    0x2011BAB0,  # exFAT
}
"""statfs(2), f_type: file systems that only this machine writes. On any other (NFS, SMB, FUSE) an
answer says nothing of the writers on other machines.
"""

_WRITING = os.O_WRONLY | os.O_RDWR
_FLAGS = re.compile(rb"^flags:\s*([0-7]+)", re.MULTILINE)


def is_local(path: Path) -> bool:
    """Whether `path` lies on a file system that no other machine writes."""
    status = ctypes.create_string_buffer(256)  # struct statfs; f_type comes first, a C long
    if ctypes.CDLL(None).statfs(os.fsencode(path), status) != 0:
        return False
    return ctypes.c_long.from_buffer(status).value in _LOCAL


def is_open_for_writing(path: Path) -> bool | None:
    """Whether any process has the regular file `path` open for writing; None if nobody can say."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or not is_local(path):
            return None
        is_leased = _lease(fd)
        return _is_in_a_process(status) if is_leased is None else not is_leased
    except OSError:
        return None
    finally:
        os.close(fd)


def _lease(fd: int) -> bool | None:
    """Take a read lease and give it back: False if somebody writes, None if none may be had.

    See fcntl(2), F_SETLEASE: it is refused with EAGAIN while the file is open for writing, to
    whoever owns the file or has CAP_LEASE.
    """
    # Whoever opens it for writing in this moment makes the kernel signal us: SIGIO would end the
    # process, SIGURG is ignored by default.
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return False
    except OSError:
        return None
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True


def _is_in_a_process(file: os.stat_result) -> bool | None:
    """As /proc tells it: True if a process that may be looked at writes; else nobody can say."""
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            status = entry.stat()
            if (status.st_dev, status.st_ino) != (file.st_dev, file.st_ino):
                continue
            info = (entry.parents[1] / "fdinfo" / entry.name).read_bytes()
        except OSError:
            continue  # it has ended, or belongs to another user
        flags = _FLAGS.search(info)
        if flags and int(flags[1], 8) & _WRITING:
            return True
    return None
