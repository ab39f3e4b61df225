"""Writing so that a power cut leaves a file with its old content or its new, never with none.

The one place that opens a file to replace it, for whoever stands below the store; the store's own
way, with the errors of the station, is `qc_edge.store.durable`, which calls this. Raises OSError as
it comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Chunk: TypeAlias = bytes | bytearray | memoryview

_MODE = 0o640


def write_synced(path: Path, chunks: Iterable[Chunk], mode: int | None = None) -> None:
    """Write `chunks` to `path` itself; its contents are durable on return, its name is not.

    `mode` are its permissions whatever the umask is; without it they are 0640 under the umask.
    """
    fd = write_unsynced(path, chunks, mode)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_unsynced(path: Path, chunks: Iterable[Chunk], mode: int | None = None) -> int:
    """As `write_synced`, but nothing is durable yet: the open file, for whoever syncs it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
    try:
        if mode is not None:
            os.fchmod(fd, mode)
        _write_all(fd, chunks)
    except BaseException:
        os.close(fd)
        raise
    return fd


def sync_written(fd: int, chunks: Iterable[Chunk]) -> None:
    """Make what `write_unsynced` wrote to `fd` durable.

    If that fails, all is written and synced once more. Linux tells of a failed write once, to those
    who had the file open, and takes the pages for clean: whoever opens it now and syncs it would be
    told that all is well. See fsync(2).
    """
    try:
        os.fsync(fd)
    except OSError:
        os.lseek(fd, 0, os.SEEK_SET)
        _write_all(fd, chunks)
        os.fsync(fd)


def _write_all(fd: int, chunks: Iterable[Chunk]) -> None:
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        # One write(2) takes at most 2 GiB, and less where the disk is nearly full.
        while view:
            view = view[os.write(fd, view) :]


def replace_file(
    path: Path, data: Chunk, *, temporary: Path | None = None, mode: int | None = None
) -> None:
    """Make `data` the content of `path` by way of `temporary` beside it: write, fsync, rename.

    Without the sync in between most file systems commit the rename first: after a power cut the
    file has 0 bytes (ext4 with its defaults, in most of 77 cuts). On a fault `temporary` is gone.
    """
    temporary = temporary or path.with_name(f".{path.name}.new")
    try:
        write_synced(temporary, [data], mode)
        os.rename(temporary, path)  # noqa: PTH104
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def replace_unsynced(path: Path, data: Chunk, temporary: Path, mode: int) -> None:
    """As `replace_file`, whole for every reader, but a power cut may leave an empty file, or the
    old one: for what nobody misses.
    """
    try:
        os.close(write_unsynced(temporary, [data], mode))
        os.rename(temporary, path)  # noqa: PTH104
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def put_synced(path: Path, data: Chunk, temporary: Path) -> bool:
    """Make `data` the content of `path` if there is no such file: False if there is one.

    By way of `temporary` beside it, which must not exist: write, fsync, link. Its permissions are
    those of the umask. The name is durable after `sync_directory`.
    """
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            _write_all(fd, [data])
            os.fsync(fd)
        finally:
            os.close(fd)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def sync_file(path: Path) -> None:
    """Make what another library has written to `path` durable."""
    # fsync works on the file, not on what one descriptor wrote: a new one will do.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_directory(path: Path) -> None:
    """Make the names in the directory `path` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
