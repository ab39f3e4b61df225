"""Writing so that it is there after a power cut: the one place that calls fsync, rename and unlink.

A file written here is whole or absent under its name. Directory entries are durable only after
`sync_directory`, so that a batch of files shares one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from qc_edge.errors import DiskFullError, StoreError

Chunk: TypeAlias = bytes | bytearray | memoryview

_FULL = {errno.ENOSPC, errno.EDQUOT}
_IN_THE_WAY = "a file stands where a directory belongs: move it elsewhere"
_NOT_ALLOWED = "run as the station's user; chown the station's files if they were copied"
_HINTS = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: "the disk is mounted read-only: dmesg says why; mount -o remount,rw when it is "
    "mended",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: "a directory stands where a file belongs: move it elsewhere",
}
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP}


class Disk:
    """The station's disk. A test's twin overrides a method to make it fail; nothing is cached
    here.
    """

    def write(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> None:
        """Write `chunks` to `path` by way of `temporary` (same file system): fsync, then rename.

        Raises DiskFullError or StoreError; then `path` is as it was and `temporary` is gone.
        """
        try:
            self._write_synced(temporary, chunks)
            os.rename(temporary, path)  # noqa: PTH104 (hot path: no Path objects)
        except OSError as fault:
            temporary.unlink(missing_ok=True)
            raise store_error(fault, f"cannot write {path}") from fault

    def move_into_place(self, temporary: Path, path: Path) -> None:
        """Bring a file that another library has written to `path`, durable in its directory too.

        Raises DiskFullError or StoreError; then `path` is as it was and `temporary` is gone.
        """
        try:
            fd = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.rename(temporary, path)  # noqa: PTH104
        except OSError as fault:
            temporary.unlink(missing_ok=True)
            raise store_error(fault, f"cannot write {path}") from fault
        self.sync_directory(path.parent)

    def write_evidence(self, path: Path, chunks: Iterable[Chunk]) -> None:
        """Write `chunks` to `path` itself and fsync; no row points to it before this returns."""
        try:
            self._write_synced(path, chunks)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.write_evidence(path, chunks)
        except OSError as fault:
            path.unlink(missing_ok=True)
            raise store_error(fault, f"cannot keep evidence {path}") from fault

    def link(self, existing: Path, path: Path) -> None:
        """Give `existing` the second name `path`, replacing what a crashed try left there.

        A link itself is linked, never its target. Where no link is allowed (another file system,
        another user's file under fs.protected_hardlinks) `path` is a copy.
        """
        try:
            os.link(existing, path, follow_symlinks=False)
        except FileExistsError:
            path.unlink()
            self.link(existing, path)
        except FileNotFoundError:
            if path.parent.is_dir():
                raise
            path.parent.mkdir(parents=True, exist_ok=True)
            self.link(existing, path)
        except OSError as fault:
            if fault.errno not in _NO_LINK:
                raise store_error(fault, f"cannot link {path}") from fault
            self._copy(existing, path)

    def _copy(self, existing: Path, path: Path) -> None:
        """A plain file is copied; what is none, or may not be read, can still be moved."""
        try:
            fd = os.open(existing, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            fd = -1
        try:
            if fd >= 0 and stat.S_ISREG(os.fstat(fd).st_mode):
                with os.fdopen(os.dup(fd), "rb") as file:
                    self.write_evidence(path, [file.read()])
            else:
                os.rename(existing, path)  # noqa: PTH104
        except OSError as fault:
            raise store_error(fault, f"cannot keep {existing} as {path}") from fault
        finally:
            if fd >= 0:
                os.close(fd)

    def append(self, fd: int, data: bytes) -> None:
        """Append `data` to the open file `fd` and make it durable. Raises OSError as it comes."""
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "only part of the data could be appended")
        os.fdatasync(fd)

    def unlink(self, path: Path) -> None:
        """Remove `path` if it is there."""
        try:
            os.unlink(path)  # noqa: PTH108
        except FileNotFoundError:
            pass
        except OSError as fault:
            raise store_error(fault, f"cannot remove {path}") from fault

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory `path` durable."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as fault:
            raise store_error(fault, f"cannot sync the directory {path}") from fault

    def free_bytes(self, path: Path) -> int:
        """Room left for the station's user on the file system of `path`."""
        room = os.statvfs(path)
        return room.f_bavail * room.f_frsize

    def _write_synced(self, path: Path, chunks: Iterable[Chunk]) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                while view:
                    view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)


def write_file(path: Path, *chunks: Chunk) -> None:
    """Write a file that nobody writes often (a record, a report), durable in its directory too."""
    disk = Disk()
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write(path, chunks, path.with_name(f".{path.name}.tmp"))
    disk.sync_directory(path.parent)


def store_error(fault: OSError, what: str) -> StoreError:
    """The station's error for the system's: DiskFullError when there is no room."""
    if fault.errno in _FULL:
        return DiskFullError(
            f"{what}: no space left",
            hint="free some room; the station goes on by itself when there is enough",
        )
    hint = _HINTS.get(fault.errno or 0, "look at the disk: dmesg, smartctl, mount options")
    return StoreError(f"{what}: {fault.strerror or fault}", hint=hint)


def make_directories(directories: Iterable[Path]) -> None:
    """Make those that are missing. Raises DiskFullError or StoreError."""
    for directory in directories:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise store_error(fault, f"cannot make the directory {directory}") from fault
