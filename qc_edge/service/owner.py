"""Whose a station's files are: what root does among them is done with their owner's rights alone.

Whoever runs as the station's user can put a link in the place of any file or directory of the
station, at any moment. Root that follows one would write into, or give away, whatever it leads to;
with the owner's rights the kernel refuses it, whichever way the path goes.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def act_as_owner(directory: Path) -> None:
    """If this is root, be the owner of the station's `directory` from here on, never root again.

    The station must be able to read what is written there. Does nothing for a plain user, before
    the directory is made, and where it is root's own.
    """
    if (owner := _other_owner(directory)) is None:
        return
    uid, gid = owner
    # The groups first: without root's rights they cannot be changed any more.
    os.setgroups(_groups(uid, gid))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # As the unit has it: what others may read is given to them on purpose.
    os.umask(0o027)
    os.environ["HOME"] = str(directory)


@contextmanager
def acting_as_owner(directory: Path) -> Iterator[None]:
    """For a while `act_as_owner`, then whoever this was; the whole process, all its threads."""
    with _acting_as(_other_owner(directory)):
        yield


@contextmanager
def acting_as_owner_of_place(path: Path) -> Iterator[None]:
    """Where root is about to write `path`: for a while the first on the way to it who is not root.

    That one can put anything in the place of what comes behind, a link too, so more rights than its
    own would be rights given away; and it must be able to read what is written there.
    """
    with _acting_as(_first_other_owner(path.absolute()) if os.geteuid() == 0 else None):
        yield


@contextmanager
def _acting_as(owner: tuple[int, int] | None) -> Iterator[None]:
    if owner is None:
        yield
        return
    uid, gid = owner
    before = os.getegid(), os.geteuid(), os.getgroups(), os.umask(0o027)
    os.setgroups(_groups(uid, gid))
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        # The user first: the other two need root's rights.
        os.seteuid(before[1])
        os.setegid(before[0])
        os.setgroups(before[2])
        os.umask(before[3])


@contextmanager
def acting_as_caller() -> Iterator[None]:
    """Inside of `acting_as_owner`: for a while whoever started the command.

    For what is not the station's: other programs, files that a person has named.
    """
    uid, gid = os.geteuid(), os.getegid()
    if os.getuid() == uid:
        yield
        return
    os.seteuid(os.getuid())
    os.setegid(os.getgid())
    try:
        yield
    finally:
        os.setegid(gid)
        os.seteuid(uid)


def _other_owner(directory: Path) -> tuple[int, int] | None:
    """User and group of `directory`, if this is root and they are not root's."""
    if os.geteuid() != 0:
        return None
    try:
        status = directory.stat()
    except OSError:
        return None
    return None if status.st_uid == 0 else (status.st_uid, status.st_gid)


def _first_other_owner(path: Path) -> tuple[int, int] | None:
    """User and group of the first directory or link on the way to `path` that is not root's."""
    at = Path("/")
    for name in path.parts[1:]:
        at /= name
        try:
            status = at.lstat()
        except OSError:
            return None
        if status.st_uid != 0:
            return status.st_uid, status.st_gid
        if stat.S_ISLNK(status.st_mode):  # root's own: what it leads to is asked the same
            at = at.parent / at.readlink()
            if owner := _first_other_owner(at):
                return owner
    return None


def _groups(uid: int, gid: int) -> list[int]:
    """The user's groups: they open the cameras, the graphics processor and the incoming folder."""
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return [gid]
