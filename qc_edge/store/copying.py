"""Copying a file of another user or another file system, of whatever kind and size it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from qc_edge.store.durable import Disk
from qc_edge.store.safe_read import open_for_reading, read_pieces


def copy_file(
    disk: Disk, source: Path, path: Path, temporary: Path, beat: Callable[[], object]
) -> None:
    """Copy `source` to `path` with its time, durably, by way of `temporary` on its file system.

    A link or a pipe comes as another of its kind, to be refused where it is read. `beat` is called
    after each piece. Raises OSError, DiskFullError or StoreError.
    """
    status = source.lstat()
    if stat.S_ISREG(status.st_mode):
        fd = open_for_reading(source)
        try:
            disk.write(path, read_pieces(fd, beat), temporary)
        finally:
            os.close(fd)
    elif stat.S_ISLNK(status.st_mode):
        path.symlink_to(source.readlink())
    else:
        os.mkfifo(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
