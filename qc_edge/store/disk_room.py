"""What a file system has left: bytes, inodes, and whether it takes anything at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import DiskFullError, DiskReadOnlyError

_GOES_ON = "the station goes on by itself when there is enough"
MAKE_ROOM = f"free some room; {_GOES_ON}"
REMOVE_FILES = f"remove files that nobody needs, many small ones; {_GOES_ON}"
MAKE_WRITABLE = (
    "dmesg says why it is; mended: mount -o remount,rw; the station goes on by itself then"
)


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """`free_inodes` of `inodes` in all (None: as many as there is room for) are left for files."""

    free_bytes: int
    free_inodes: int | None
    inodes: int
    is_read_only: bool

    @classmethod
    def of(cls, path: Path) -> DiskRoom:
        """What the station's user has on the file system of `path`. Raises OSError."""
        figures = os.statvfs(path)
        # f_bavail and f_favail, not f_bfree: ext4 reserves 5 % for root. Btrfs counts no inodes.
        inodes = figures.f_favail if figures.f_files else None
        is_read_only = bool(figures.f_flag & os.ST_RDONLY)
        free_bytes = figures.f_bavail * figures.f_frsize
        return cls(free_bytes, inodes, figures.f_files, is_read_only)


def no_room(what: str, place: Path | None) -> DiskFullError:
    """The error for a write that found no room in the directory `place`; `what` was to be done."""
    try:
        room = DiskRoom.of(place) if place else None
    except OSError:
        room = None
    if room and room.free_inodes == 0:
        return DiskFullError(f"{what}: no inodes left, too many files", hint=REMOVE_FILES)
    return DiskFullError(f"{what}: no space left", hint=MAKE_ROOM)


def read_only(what: str) -> DiskReadOnlyError:
    """The error for a write to a disk that is mounted read-only; `what` was to be done."""
    return DiskReadOnlyError(f"{what}: the disk is read-only", hint=MAKE_WRITABLE)
