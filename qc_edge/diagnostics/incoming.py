"""Whether dropped files can come into the spool: the directory, the move, and the watch."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.errors import RightsError, StoreError
from qc_edge.service.inotify import try_to_watch, watch_fault
from qc_edge.settings import IncomingSettings, StationPaths

_FILES_MAX = 1000
_FS_IOC_GETFLAGS = 0x80086601
_FS_IMMUTABLE, _FS_APPEND = 0x10, 0x20
"""See ioctl_iflags(2)."""


def check_incoming(paths: StationPaths, incoming: IncomingSettings) -> Iterator[Finding]:
    """Whether files can be taken from the directory, and who may put some there.

    Raises StoreError if it is no directory of its own, or this user may not use it.
    """
    directory = paths.incoming
    if not incoming.enabled:
        yield ok("not used (incoming.enabled = false)")
        return
    if directory.is_symlink() or not directory.is_dir():
        raise StoreError(
            f"{directory} is no directory",
            hint="make it a plain directory, owned by the station's user",
        )
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise RightsError(
            f"{directory} cannot be read and written by this user",
            hint="the station's user must own it, or be in its group with mode 2770",
        )
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & stat.S_IWOTH:
        yield warning(f"mode {mode:o}: everybody may drop frames", f"chmod 2770 {directory}")
    else:
        yield ok(f"{directory}, mode {mode:o}")
    yield from _check_move(paths)
    yield from _check_files(directory)
    yield from _check_watch(directory)


def _check_move(paths: StationPaths) -> Iterator[Finding]:
    """Whether a file can be moved from incoming/ to where frames wait, by trying it."""
    name = f".check-{os.getpid()}"
    probe, target = paths.incoming / name, paths.frames / name
    try:
        probe.touch()
        probe.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            yield fault(
                f"no file can be moved from {paths.incoming} to {paths.frames}: {error.strerror}",
                "permissions and mount options of both: ls -ld, findmnt -T",
            )
            return
        yield warning(
            f"{paths.incoming} is on another file system: each file is copied, not moved",
            "where each millisecond counts, keep the spool and incoming/ on one file system",
        )
    finally:
        for path in (probe, target):
            with contextlib.suppress(OSError):
                path.unlink()


def _check_files(directory: Path) -> Iterator[Finding]:
    """The files that will stay in incoming/, whatever the station does."""
    device = directory.stat().st_dev
    with os.scandir(directory) as entries:
        for entry in itertools.islice(entries, _FILES_MAX):
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_dev != device:
                    yield fault(f"{entry.path!r} is a mount of its own", "umount it, remove it")
                elif entry.is_file(follow_symlinks=False) and _is_immutable(entry.path):
                    yield fault(f"{entry.path!r} is immutable", f"chattr -i -a {entry.path!r}")


def _is_immutable(path: str) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        flags = int.from_bytes(fcntl.ioctl(fd, _FS_IOC_GETFLAGS, bytes(8))[:4], sys.byteorder)
    finally:
        os.close(fd)
    return bool(flags & (_FS_IMMUTABLE | _FS_APPEND))


def _check_watch(directory: Path) -> Iterator[Finding]:
    try:
        try_to_watch(directory)
    except OSError as error:
        yield warning(
            f"{directory} cannot be watched, only listed: {watch_fault(error)}",
            "raise the limit, and it is watched within seconds; until then parts wait longer",
        )
