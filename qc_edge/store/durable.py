"""Writing so that it is there after a power cut: the station's disk, with the station's errors.

A file written here is whole or absent under its name. Its contents are durable when the call
returns, its name only after `sync_directory`: fsync of a file says nothing about the directory that
lists it, see fsync(2), and a batch of files can share one sync of their directory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from qc_edge.service.owner import acting_as_owner_of_place
from qc_edge.service.synced_file import (
    Chunk,
    replace_file,
    sync_directory,
    sync_file,
    sync_written,
    write_synced,
    write_unsynced,
)
from qc_edge.store.disk_errors import store_error
from qc_edge.store.disk_room import DiskRoom
from qc_edge.store.safe_read import (
    PIECE,
    FileHead,
    digest_behind,
    open_for_reading,
    read_pieces,
)

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP}
"""Another file system; another user's file (fs.protected_hardlinks); too many links; FAT and some
network file systems.
"""


class Disk:
    """The station's disk: any thread may write, nothing is cached.

    Tests take a twin of it that fails or ends the process at the n-th call.
    """

    def write(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> None:
        """Write `chunks` to `path` by way of `temporary` (same file system): fsync, then rename.

        Raises DiskFullError or StoreError; then `path` is as it was and `temporary` is gone.
        """
        try:
            # In this order: a rename that reaches the disk before the contents would leave an empty
            # or torn file under the name after a power cut.
            self._write_synced(temporary, chunks)
            os.rename(temporary, path)  # noqa: PTH104 (hot path: no Path objects)
        except OSError as fault:
            with suppress(OSError):  # a file server that takes no writes does not take this
                temporary.unlink()
            raise store_error(fault, f"cannot write {path}") from fault

    def write_visible(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> int:
        """As `write`, but not durable yet: the open file, which `sync_written` is for.

        Only for a file whose own digest shows what a power cut left of it. Raises as `write`.
        """
        fd = -1
        try:
            fd = self._write_unsynced(temporary, chunks)
            os.rename(temporary, path)  # noqa: PTH104
        except OSError as fault:
            if fd >= 0:
                os.close(fd)
            with suppress(OSError):
                temporary.unlink()
            raise store_error(fault, f"cannot write {path}") from fault
        return fd

    def sync_written(self, fd: int, path: Path, chunks: Iterable[Chunk]) -> None:
        """Make what `write_visible` wrote durable, but for its name, and close it.

        Raises DiskFullError or StoreError; the file stands all the same.
        """
        try:
            sync_written(fd, chunks)
        except OSError as fault:
            raise store_error(fault, f"cannot sync {path}") from fault
        finally:
            os.close(fd)

    def sync_file(self, path: Path) -> None:
        """Make the content of a file durable that somebody else wrote. Raises StoreError."""
        try:
            sync_file(path)
        except OSError as fault:
            raise store_error(fault, f"cannot sync {path}") from fault

    def move_into_place(self, temporary: Path, path: Path) -> None:
        """Move a file that another library has written to `path`, durable with its name.

        Raises DiskFullError or StoreError; then `path` is as it was and `temporary` is gone.
        """
        try:
            sync_file(temporary)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.rename(temporary, path)  # noqa: PTH104
        except OSError as fault:
            with suppress(OSError):
                temporary.unlink()
            raise store_error(fault, f"cannot write {path}") from fault
        self.sync_directory(path.parent)

    def write_evidence(self, path: Path, chunks: Iterable[Chunk]) -> None:
        """Write `chunks` to `path` itself and fsync.

        Without a temporary file: no row points to evidence before this returns, so nobody reads a
        torn one, and a replay after a crash writes it again. Raises DiskFullError or StoreError.
        """
        try:
            self._write_synced(path, chunks)
        except FileNotFoundError:
            # The first of an hour. Not looked for each time: this is on a frame's way.
            path.parent.mkdir(parents=True, exist_ok=True)
            self.write_evidence(path, chunks)
        except OSError as fault:
            with suppress(OSError):
                path.unlink()
            raise store_error(fault, f"cannot keep evidence {path}") from fault

    def link(
        self,
        existing: Path,
        path: Path,
        *,
        copy_max: int | None = None,
        beat: Callable[[], object] = lambda: None,
    ) -> FileHead | None:
        """Give `existing` the second name `path`, replacing what a crashed try left there.

        A link itself is linked, never its target. Where no link is allowed (another file system,
        another user's file under fs.protected_hardlinks) `path` is a copy; of a file of more than
        `copy_max` bytes only its first MiB, and what the whole was is returned. `beat` is called
        after each piece that was read.
        """
        try:
            os.link(existing, path, follow_symlinks=False)
        except FileExistsError:
            path.unlink()
            return self.link(existing, path, copy_max=copy_max, beat=beat)
        except FileNotFoundError:
            if path.parent.is_dir():
                raise
            path.parent.mkdir(parents=True, exist_ok=True)
            return self.link(existing, path, copy_max=copy_max, beat=beat)
        except OSError as fault:
            if fault.errno not in _NO_LINK:
                raise store_error(fault, f"cannot link {path}") from fault
            return self._copy_evidence(existing, path, copy_max, beat)
        return None

    def _copy_evidence(
        self, existing: Path, path: Path, copy_max: int | None, beat: Callable[[], object]
    ) -> FileHead | None:
        """Copy a regular file; move what is none (a pipe, a link) or may not be read."""
        try:
            fd = open_for_reading(existing)
        except OSError:
            fd = -1
        try:
            if fd < 0 or not stat.S_ISREG(os.fstat(fd).st_mode):
                self._move_evidence(existing, path)
            elif copy_max is None or os.fstat(fd).st_size <= copy_max:
                self.write_evidence(path, read_pieces(fd, beat))
            else:
                head = os.read(fd, PIECE)
                self.write_evidence(path, [head])
                return digest_behind(head, fd, beat)
        except OSError as fault:
            raise store_error(fault, f"cannot keep {existing} as {path}") from fault
        finally:
            if fd >= 0:
                os.close(fd)
        return None

    def _move_evidence(self, existing: Path, path: Path) -> None:
        try:
            os.rename(existing, path)  # noqa: PTH104
        except OSError as fault:
            # What cannot even be moved is no reason to stop the station: its row stands, with what
            # it was.
            mode = existing.lstat().st_mode
            kind = stat.filemode(mode)
            self.write_evidence(path, [f"not kept ({kind}): {fault.strerror}\n".encode()])

    def append(self, fd: int, data: bytes) -> None:
        """Append `data` to the open file `fd` and make it durable. Raises OSError as it comes."""
        # Not in a loop: a regular file takes less than all only where the disk is full, and the
        # caller cuts off the part that was written.
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "only part of the data could be appended")
        # Enough for an append: the new size is flushed with the data, only the times are not.
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut the open file `fd` back to `size` bytes. Raises OSError as it comes."""
        os.ftruncate(fd, size)

    def unlink(self, path: Path) -> None:
        """Remove `path` if it is there. Raises StoreError."""
        try:
            os.unlink(path)  # noqa: PTH108
        except FileNotFoundError:
            pass
        except OSError as fault:
            raise store_error(fault, f"cannot remove {path}") from fault

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory `path` durable."""
        try:
            sync_directory(path)
        except OSError as fault:
            raise store_error(fault, f"cannot sync the directory {path}") from fault

    def free_bytes(self, path: Path) -> int:
        """Bytes left for the station's user on the file system of `path`."""
        return DiskRoom.of(path).free_bytes

    def _write_synced(self, path: Path, chunks: Iterable[Chunk]) -> None:
        write_synced(path, chunks)

    def _write_unsynced(self, path: Path, chunks: Iterable[Chunk]) -> int:
        return write_unsynced(path, chunks)


def write_file(path: Path, *chunks: Chunk, mode: int | None = None) -> None:
    """Write a file that nobody writes often (a record, a report), durable in its directory too.

    `mode` are its permissions whatever the umask is. Root leaves it to whoever the directory
    belongs to, and follows no link of theirs. Raises DiskFullError or StoreError.
    """
    try:
        with acting_as_owner_of_place(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.tmp")
            replace_file(path, b"".join(chunks), temporary=temporary, mode=mode)
            sync_directory(path.parent)
    except OSError as fault:
        raise store_error(fault, f"cannot write {path}") from fault
