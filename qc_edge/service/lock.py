"""One process per station and role: a file lock that names its holder.

flock(2) rather than a file with a pid: the kernel releases it however the holder dies. The file is
among the station's state, where nobody removes it: what is in the runtime directory goes when
systemd ends the service, also while somebody runs the station by hand.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from qc_edge.errors import BusyError, DiskReadOnlyError, StoreError
from qc_edge.service.clock import utc_now

_TRIES, _PAUSE_S = 5, 0.05
"""Whoever only asks for the holder takes a shared lock for a moment: that is waited for."""

_NOT_ALLOWED = (
    "run as the station's user: sudo systemctl start qc-edge@NAME; or live elsewhere: --root DIR"
)


class StationLock:
    """The lock of one station's role; a context manager, held by the process that runs it.

    All of `places` are held at once (see `StationPaths.lock`): a version before this one looks for
    the lock in the last of them alone, and during an upgrade both may be there.

    On a disk that is read-only a lock that is there is held without a name, and one that is not
    cannot be held: call `take_again` once the disk can be written.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = tuple(places)
        self._held: list[int] = []

    def __enter__(self) -> StationLock:
        """Take the lock. Raises BusyError naming the holder, StoreError if it cannot be made."""
        try:
            for place in self._places:
                self._take(place)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def take_again(self) -> None:
        """Hold all places, and with a name. Raises BusyError if somebody came in between."""
        self._release()
        self.__enter__()

    def _take(self, place: Path) -> None:
        try:
            opened = _open(place)
        except DiskReadOnlyError:
            if (opened := _open_unnamed(place)) < 0:
                return
        self._held.append(opened)
        if not _acquire(opened):
            holder = _holder_in(place)
            who = (
                f"process {holder['pid']} since {holder['since']}" if holder else "another process"
            )
            raise BusyError(
                f"station {place.parent.name!r} is already run by {who}",
                hint="systemctl status qc-edge@NAME, or qc-edge status NAME; stop it first",
            )
        content = json.dumps({"pid": os.getpid(), "since": utc_now().isoformat(timespec="seconds")})
        with contextlib.suppress(OSError):  # the disk may take nothing: locked, but without a name
            os.ftruncate(opened, 0)
            os.pwrite(opened, content.encode(), 0)

    def _release(self) -> None:
        # The files stay: were one removed, a process that has it open could hold the lock of a file
        # that nobody else sees.
        while self._held:
            opened = self._held.pop()
            with contextlib.suppress(OSError):
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(opened, 0)
            os.close(opened)


def holder_of(places: Sequence[Path]) -> dict[str, object] | None:
    """The holder's `pid` and `since`, or None if nobody holds the lock in any of `places`.

    Raises PermissionError where this user may not look.
    """
    holders = [holder for place in places if (holder := _holder_in(place)) is not None]
    # On a disk that is read-only the name in one place may be that of the holder before.
    return max(
        holders, key=lambda holder: (bool(holder["pid"]), str(holder["since"])), default=None
    )


def _holder_in(place: Path) -> dict[str, object] | None:
    try:
        with place.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                held: dict[str, object] = json.loads(file.read() or b'{"pid": 0, "since": "?"}')
                return held
    except (FileNotFoundError, NotADirectoryError):
        pass
    return None


def _open(place: Path) -> int:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # For writing, also to lock: over NFS the kernel makes a lock of bytes of it, see flock(2).
        return os.open(
            place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644
        )
    except OSError as fault:
        if fault.errno == errno.EROFS:
            raise DiskReadOnlyError(f"{place}: the disk is read-only") from fault
        raise StoreError(
            f"cannot open the station's lock {place}: {fault.strerror}", hint=_NOT_ALLOWED
        ) from fault


def _open_unnamed(place: Path) -> int:
    """A lock that is there already, where nothing can be written; -1 if there is none."""
    try:
        return os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def _acquire(opened: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Event().wait(_PAUSE_S)
        else:
            return True
    return False
