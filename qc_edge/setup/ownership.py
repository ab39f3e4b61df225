"""Gives a station's files to its user, by open directories: never through a link, never beyond it.

The station's user owns the directories that root walks here, and may put anything in the place of
anything at any moment. So every name is opened in the directory that is open already, without
following a link, and owner and mode are changed of what was opened (openat(2), fchown(2)).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_DEEPEST = 64
"""Folders in folders: each is an open file while those below it are looked at."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_UNFOLLOWED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link is refused, and no pipe is waited for."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Something that stays as it is, and why, in words."""

    path: Path
    why: str


@dataclass(slots=True)
class Handover:
    """Gives everything below a directory to `uid` and `gid`, closed to others.

    `given` counts what was another's, in a dry run what would be given; `left` is what it could not
    be sure of.
    """

    uid: int
    gid: int
    dry: bool = False
    given: int = 0
    left: list[LeftAlone] = field(default_factory=list)
    _device: int = 0

    def give(self, top: Path) -> None:
        """Give away `top`, whose own name lies in a directory of root's, and what is below it.

        Raises OSError if the system refuses.
        """
        directory = os.open(top, _DIRECTORY)
        try:
            self._device = os.fstat(directory).st_dev
            self._give(directory)
            self._give_below(directory, top, 0)
        finally:
            os.close(directory)

    def _give_below(self, directory: int, path: Path, depth: int) -> None:
        for name in os.listdir(directory):
            # What has gone meanwhile, or was made a link, needs no owner.
            with suppress(FileNotFoundError):
                self._give_entry(directory, path / name, depth)

    def _give_entry(self, directory: int, path: Path, depth: int) -> None:
        kind = os.lstat(path.name, dir_fd=directory).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            return  # a link, a pipe or a socket has nothing in it
        try:
            opened = os.open(path.name, os.O_RDONLY | _UNFOLLOWED, dir_fd=directory)
        except OSError as fault:
            self.left.append(LeftAlone(path, fault.strerror or str(fault)))
            return
        try:
            status = os.fstat(opened)
            if status.st_dev != self._device:
                self.left.append(LeftAlone(path, "it is a mount of its own"))
            elif stat.S_ISDIR(status.st_mode):
                self._give(opened)
                if depth < _DEEPEST:
                    self._give_below(opened, path, depth + 1)
                else:
                    self.left.append(LeftAlone(path, "folders are nested too deeply below it"))
            elif status.st_uid != self.uid and status.st_nlink > 1:
                # One of its names may be anywhere, and the file somebody else's.
                self.left.append(LeftAlone(path, f"it has {status.st_nlink} names (hard links)"))
            elif stat.S_ISREG(status.st_mode):
                self._give(opened)
        finally:
            os.close(opened)

    def _give(self, opened: int) -> None:
        status = os.fstat(opened)
        if status.st_uid == self.uid:
            return
        self.given += 1
        if not self.dry:
            os.fchown(opened, self.uid, self.gid)
            # Never a program that runs as its owner: the owner has changed.
            kept = 0o3770 if stat.S_ISDIR(status.st_mode) else 0o770
            os.fchmod(opened, status.st_mode & kept)


def give_directory(path: Path, uid: int, gid: int) -> None:
    """Make the directory `path`, in one of root's, and give it away. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True, mode=0o755)
    with open_directory(path.parent, path.name) as opened:
        os.fchown(opened, uid, gid)


@contextmanager
def open_directory(top: Path, below: str = "") -> Iterator[int]:
    """The directory `below` of `top`, open; no component of `below` may be a link.

    Raises OSError, NotADirectoryError or ELOOP for a link.
    """
    opened = os.open(top, _DIRECTORY)
    try:
        for name in filter(None, below.split("/")):
            above, opened = opened, os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
            os.close(above)
        yield opened
    finally:
        os.close(opened)
