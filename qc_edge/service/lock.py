"""One process per station and role: a file lock that names its holder.

flock(2) rather than a file with a pid: the kernel releases it however the holder dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from pathlib import Path
from types import TracebackType

from qc_edge.errors import BusyError, StoreError
from qc_edge.service.clock import utc_now

_TRIES, _PAUSE_S = 5, 0.05
"""Whoever only asks for the holder takes a shared lock for a moment: that is waited for."""


class StationLock:
    """The lock of one station; a context manager, held by the process that runs the station."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> StationLock:
        """Take the lock. Raises BusyError naming the holder, StoreError if there is no room for
        it.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as fault:
            raise StoreError(
                f"cannot open the station's lock {self._path}: {fault.strerror}",
                hint="run as the station's user, or give another --root",
            ) from fault
        if not self._acquire():
            holder = holder_of(self._path)
            os.close(self._fd)
            who = (
                f"process {holder['pid']} since {holder['since']}" if holder else "another process"
            )
            raise BusyError(
                f"station {self._path.parent.name!r} is already run by {who}",
                hint="systemctl status qc-edge@NAME, or qc-edge status NAME; stop it first",
            )
        content = json.dumps({"pid": os.getpid(), "since": utc_now().isoformat(timespec="seconds")})
        os.ftruncate(self._fd, 0)
        with contextlib.suppress(OSError):  # the disk may be full: locked, but without a name
            os.pwrite(self._fd, content.encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The file stays: were it removed, a process that has it open could hold the lock of a file
        # that nobody else sees.
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    def _acquire(self) -> bool:
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                threading.Event().wait(_PAUSE_S)
            else:
                return True
        return False


def holder_of(path: Path) -> dict[str, object] | None:
    """The holder's `pid` and `since`, or None if nobody holds the lock."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                held: dict[str, object] = json.loads(file.read() or b'{"pid": 0, "since": "?"}')
                return held
    except FileNotFoundError:
        pass
    return None
