"""A directory that another machine may serve: whether that machine answers, and since when not.

A file server may fail in two ways. A hard mount lets whoever asks wait, for hours if need be, and
nothing but the end of the process ends that; a soft one gives up after some seconds. Neither is a
fault of the file that was asked for, nor of the worker that asked.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.errors import FileServerError
from qc_edge.service.heartbeat import Heartbeat, Silence
from qc_edge.service.remote.mounts import is_remote

_FAULTS = {
    errno.EIO,  # NFS mounted `soft` says so, and SMB now and then
    errno.ETIMEDOUT,  # NFS mounted `softerr`
    errno.ESTALE,
    errno.EREMOTEIO,
    errno.EHOSTDOWN,  # SMB
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOTCONN,  # FUSE, too
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EPIPE,
}
"""What a file server's absence looks like; on a mount alone, since a local disk has EIO as well."""

_SLOW_S = 3.0
"""A call that takes longer is said."""

_NOTED_S = 1.0
_ASK_EVERY_S = 1.0


class FileServer:
    """What serves `directory`; of a local disk nothing is measured and nothing is changed.

    Whoever works in the directory does so within `call`. Safe from any thread.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.is_remote = is_remote(directory)
        self._calls: dict[int, float] = {}  # thread -> since when it waits (s, monotonic)
        self._failing: tuple[float, str] | None = None  # since when, and with which words
        # the last one that took long: its end (s, monotonic), and how long it took
        self._slow_call = -1e9, 0.0
        self._is_lost = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """Work in the directory. Raises FileServerError in place of what the server's absence
        raises.
        """
        me = threading.get_ident()
        if not self.is_remote or me in self._calls:
            yield
            return
        begun = self._calls[me] = time.monotonic()
        try:
            self._reach()
            yield
        except Exception as fault:
            system = fault if isinstance(fault, OSError) else fault.__cause__
            if not isinstance(system, OSError) or system.errno not in _FAULTS:
                self._failing = None
                raise
            words = system.strerror or str(system)
            self._failing = (self._failing[0] if self._failing else begun), words
            raise FileServerError(
                f"{self._directory}: the file server does not answer: {words}",
                hint="look at the network and at the server; the station goes on by itself",
            ) from fault
        else:
            self._failing = None
        finally:
            now = time.monotonic()
            if now - begun > _NOTED_S:
                self._slow_call = now, now - begun
            del self._calls[me]

    def answers(self) -> bool:
        """Ask it now: True if it answers. May take as long as the mount lets it."""
        try:
            with self.call():
                os.statvfs(self._directory)  # never from a cache, as `stat` is
        except OSError:
            return True  # an answer, if no good one
        except FileServerError:
            return False
        return True

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """The work of a thread of its own: ask again and again, also while nobody works there."""
        while not stop.wait(_ASK_EVERY_S):
            heartbeat.beat()
            self.answers()

    @property
    def trouble(self) -> str:
        """In words that it does not answer, and since when; empty if it does."""
        now, failing = time.monotonic(), self._failing
        since = min([*self._calls.copy().values(), *([failing[0]] if failing else [])], default=now)
        if not failing and now - since <= _SLOW_S:
            return ""
        why = f": {failing[1]}" if failing else ""
        return f"the file server of {self._directory} does not answer for {now - since:.0f} s{why}"

    def news(self) -> tuple[bool, str] | None:
        """Whether it was lost or came back since the last time that this was asked, and in words;
        None if all is as before. Asked by one thread.
        """
        trouble = self.trouble
        if bool(trouble) == self._is_lost:
            return None
        self._is_lost = bool(trouble)
        return self._is_lost, trouble or f"the file server of {self._directory} answers again"

    def excuses(self, silence: Silence) -> bool:
        """Whether a worker is silent because of this server: no longer than somebody waits for it,
        and for a while after that.
        """
        if silence.age_s <= self._waits_s() + silence.deadline_s:
            return True
        ended_at, took_s = self._slow_call
        ago_s = time.monotonic() - ended_at
        return ago_s < silence.deadline_s and silence.age_s <= took_s + ago_s + silence.deadline_s

    def _waits_s(self) -> float:
        """Seconds of the longest call that has not ended."""
        now = time.monotonic()
        return now - min(self._calls.copy().values(), default=now)

    def _reach(self) -> None:
        """Before each call; a twin fails or waits here."""
