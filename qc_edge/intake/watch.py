"""Watching one directory for finished files, by inotify through watchdog.

Events are hints (see `arrivals`): where there is no watch, the directory is only listed, and how it
is comes as words for a person.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import inotify_c
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyConstants

from qc_edge.service.inotify import watch_fault

_RETRY_S = 5.0


class _Emitter(InotifyFullEmitter):
    """watchdog's inotify reader for finished files alone: closed after writing, or renamed in.

    Renames out are left out of the mask. watchdog holds each back for 0.5 s, hoping for its other
    half, and all that is queued behind it waits: with frames retired by rename, arrival to handler
    took 251 ms (p50) instead of 0.5 ms. See decision 0004.
    """

    def get_event_mask_from_filter(self) -> int:  # type: ignore[override]
        return int(
            InotifyConstants.IN_CLOSE_WRITE
            | InotifyConstants.IN_MOVED_TO
            | InotifyConstants.IN_DELETE_SELF
        )


class _UseEmitter(_Emitter):
    """The same, and files that are made: the only sign that another user's is being written.

    Three events a file instead of one, so only where other programs write.
    """

    def get_event_mask_from_filter(self) -> int:  # type: ignore[override]
        return (
            super().get_event_mask_from_filter()
            | InotifyConstants.IN_CREATE
            | InotifyConstants.IN_OPEN
        )


_USES = {"created", "opened", "closed", "moved"}


class _Handler(FileSystemEventHandler):
    """Gives the name of each finished file to `on_finished`, on watchdog's thread.

    `on_use` gets the name and what happened: one of `_USES`.
    """

    def __init__(
        self, on_finished: Callable[[str], None], on_use: Callable[[str, str], None] | None
    ) -> None:
        self._on_finished = on_finished
        self._on_use = on_use

    def dispatch(self, event: FileSystemEvent) -> None:
        kind = event.event_type
        if event.is_directory or kind not in _USES:
            return
        name = os.path.basename(os.fsdecode(event.dest_path or event.src_path))  # noqa: PTH119
        if self._on_use:
            self._on_use(name, kind)
        # A full emitter reports a rename into the directory as "moved"; the plain one says
        # "created", as of a file that is still being written.
        if kind in {"closed", "moved"}:
            self._on_finished(name)


class DirectoryWatch:
    """A watch that is started again when it ends by itself; used by the arrivals worker.

    `problem` says why there is none and what to do, "" while there is one.
    """

    def __init__(
        self,
        directory: Path,
        on_finished: Callable[[str], None],
        on_use: Callable[[str, str], None] | None = None,
    ) -> None:
        self.problem = ""
        self._directory = directory
        self._handler = _Handler(on_finished, on_use)
        self._emitter = _UseEmitter if on_use else _Emitter
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None  # device and inode
        self._retry_at = 0.0

    def keep(self, now: float) -> None:
        """Start the watch if it does not run; `now` is the monotonic clock (s)."""
        if self._observer is not None:
            ended = self._why_ended(self._observer)
            if not ended:
                return
            self.stop()
            self.problem = f"the watch on {self._directory.name}/ ended: {ended}"
            # Not started again at once: what ended by itself is said first.
            self._retry_at = now
            return
        if now < self._retry_at:
            return
        self._retry_at = now + _RETRY_S
        try:
            self._start()
        except OSError as fault:
            self.problem = watch_fault(fault)
        else:
            self.problem = ""

    def stop(self) -> None:
        """End the watch."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            if observer.is_alive():
                observer.join(2.0)

    def _start(self) -> None:
        """Raises OSError; ENOSPC or EMFILE where the user's watches or instances are used up."""
        _forget_dead_reader()
        observer = BaseObserver(self._emitter, timeout=1.0)
        try:
            self._watched = self._identity()
            observer.schedule(self._handler, str(self._directory))
            observer.start()
        except OSError:
            observer.stop()
            raise
        self._observer = observer

    def _why_ended(self, observer: BaseObserver) -> str:
        """Why `observer` sees nothing any more; "" if it does."""
        if not all(thread.is_alive() for thread in _threads(observer)):
            return "watchdog's thread died"
        try:
            is_same = self._identity() == self._watched
        except OSError as fault:
            return str(fault.strerror)
        return "" if is_same else "another directory is in its place"

    def _identity(self) -> tuple[int, int]:
        status = self._directory.stat()
        return status.st_dev, status.st_ino


def _threads(observer: BaseObserver) -> list[threading.Thread]:
    threads: list[threading.Thread] = [observer, *observer.emitters]
    for emitter in observer.emitters:
        # watchdog 7 reads for all watches on one thread.
        reader: Any = getattr(emitter, "_inotify_fd", None)
        if isinstance(reader, threading.Thread):
            threads.append(reader)
    return threads


def _forget_dead_reader() -> None:
    """watchdog 7 goes on with its one reader, dead or alive: a dead one is made anew."""
    reader: Any = getattr(inotify_c, "InotifyFD", None)
    if reader is None or reader._instance is None or reader._instance.is_alive():
        return
    reader._instance = None
