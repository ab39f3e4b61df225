"""Writes an image onto a disk and reads it back: the partition table last, so that a disk that was
interrupted is none that boots.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from qc_edge.errors import StoreError
from qc_edge.setup.flash.choice import FlashPlan, refuse_another
from qc_edge.setup.flash.disks import DATA, disks_here
from qc_edge.setup.flash.image_file import DiskImage, Progress
from qc_edge.setup.flash.partition_table import HEAD, SECTOR, PartitionTable, lay_out

_BLKFLSBUF = 0x1261
"""ioctl(2) of a block device: write and forget what the kernel holds of it (linux/fs.h)."""

_BLKRRPART = 0x125F
"""Read the partition table again."""


def write_image(plan: FlashPlan, image: DiskImage, progress: Progress) -> None:
    """Make the disk of `plan` what `image` is, and compare what it gives back.

    Raises UsageError if it is another disk by now, StoreError where it does not take or keep the
    bytes; it is then to be written again.
    """
    path = plan.disk.path
    try:
        # O_EXCL of a block device: refused if somebody has mounted it meanwhile, see open(2).
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (0 if is_file else os.O_EXCL))
    except OSError as fault:
        raise StoreError(
            f"cannot open {path}: {fault.strerror}", hint="as root; is it in use, or unplugged?"
        ) from None
    try:
        if not is_file:
            # Now that it is held open no other disk can get its name.
            refuse_another(plan.disk, disks_here())
        head, digests = _write(fd, plan, image, progress, is_sparse=is_file)
        _forget(fd)
        _compare(fd, path, digests, progress)
        # Last, and only onto a disk that keeps what it gets.
        _write_at(fd, 0, head)
        os.fsync(fd)
        _forget(fd)
        _compare(fd, path, [(0, len(head), _digest(head))])
        with suppress(OSError):
            fcntl.ioctl(fd, _BLKRRPART)
    except OSError as fault:
        raise StoreError(
            f"{path} does not take the image: {fault.strerror}",
            hint="the disk or its cable is bad: write it again, or take another disk",
        ) from None
    finally:
        os.close(fd)


def table_on_disk(plan: FlashPlan, table: PartitionTable) -> PartitionTable:
    """The image's table for the disk of `plan`: with what is kept, to the end of what is kept."""
    data = table.find(DATA)
    if not plan.keep or plan.disk.records is None or data is None:
        return table
    kept = replace(data, last=plan.disk.records[1] // SECTOR - 1)
    return replace(table.with_partition(kept), sectors=plan.disk.size // SECTOR)


def _write(
    fd: int, plan: FlashPlan, image: DiskImage, progress: Progress, *, is_sparse: bool
) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """Write all pieces but the first, which is returned; offset, length and digest of each."""
    if not plan.keep:
        _write_at(fd, 0, bytes(HEAD))  # from here on the disk is empty until the last write
        os.fsync(fd)
    head, digests = b"", []
    total = _length(plan, image)
    for offset, piece in _placed(plan, image):
        if offset == 0:
            head = piece
            continue
        digests.append((offset, len(piece), _digest(piece)))
        if not (is_sparse and os.pread(fd, len(piece), offset) == piece):
            _write_at(fd, offset, piece)
        progress("writing", min(offset + len(piece), total), total)
    os.fsync(fd)
    return head, digests


def _placed(plan: FlashPlan, image: DiskImage) -> Iterator[tuple[int, bytes]]:
    """What stands where on the disk; the head of it first."""
    total, offset = _length(plan, image), 0
    table = table_on_disk(plan, image.table)
    head, end = lay_out(table)
    for piece in image.pieces():
        # What is kept is not written over, but read: the checksum of the whole stands at its end.
        if kept := piece[: max(total - offset, 0)]:
            yield offset, head + kept[len(head) :] if offset == 0 and plan.keep else kept
        offset += len(piece)
    if plan.keep:
        yield table.size - len(end), end


def _length(plan: FlashPlan, image: DiskImage) -> int:
    """Bytes of the image that are written: all, or those before what is kept."""
    data = image.table.find(DATA)
    return data.start if plan.keep and data else image.table.size


def _compare(
    fd: int, path: str, digests: list[tuple[int, int, bytes]], progress: Progress | None = None
) -> None:
    total = sum(length for _, length, _ in digests)
    done = 0
    for offset, length, digest in digests:
        if _digest(os.pread(fd, length, offset)) != digest:
            raise StoreError(
                f"{path} gives other bytes back at {offset:,} than were written",
                hint="the disk is bad or smaller than it says: take another one",
            )
        done += length
        if progress:
            progress("reading back", done, total)


def _forget(fd: int) -> None:
    """Let the kernel forget what it holds of the disk: what is read then comes from the disk."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    with suppress(OSError):
        fcntl.ioctl(fd, _BLKFLSBUF)


def _write_at(fd: int, offset: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _digest(piece: bytes) -> bytes:
    return hashlib.blake2b(piece, digest_size=16).digest()
