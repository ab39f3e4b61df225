"""Arrivals: which files wait for inspection, in the order in which they came.

inotify's events are hints: they get lost when the kernel's queue overflows and never come over NFS.
The directory is the truth. It is listed at start, whenever there is nothing to do, and now and then
under load: never for each event, which would be quadratic under a backlog.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyConstants

from qc_edge.domain.frame import FrameId
from qc_edge.inspection.incoming import IncomingFiles
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings import IncomingSettings, StationPaths
from qc_edge.store.spool import Spool, SpooledFile

_IDLE_LOOK_S = 1.0
_BUSY_LOOK_S = 30.0


class _Emitter(InotifyFullEmitter):
    """Only finished files: closed after writing, or renamed in.

    Renames out are not asked for: watchdog holds one back for 0.5 s and everything behind it waits.
    """

    def get_event_mask_from_filter(self) -> int:  # type: ignore[override]
        return int(
            InotifyConstants.IN_CLOSE_WRITE
            | InotifyConstants.IN_MOVED_TO
            | InotifyConstants.IN_DELETE_SELF
        )


class _Handler(FileSystemEventHandler):
    def __init__(self, finished: Callable[[str], None]) -> None:
        self._finished = finished

    def dispatch(self, event: FileSystemEvent) -> None:
        if event.event_type in {"closed", "moved"} and not event.is_directory:
            self._finished(os.path.basename(os.fsdecode(event.dest_path or event.src_path)))  # noqa: PTH119


@dataclass(frozen=True, slots=True)
class _Deferred:
    """A file that another node may still be writing: looked at again when it has been quiet."""

    waiting: SpooledFile
    not_before: float


class Arrivals:
    """`take` and `done` are the inspector's; everything else happens on the arrivals worker's
    thread.
    """

    def __init__(
        self, paths: StationPaths, spool: Spool, clock: FrameClock, incoming: IncomingSettings
    ) -> None:
        self._paths = paths
        self._spool = spool
        self._lock = threading.Condition()
        self._ready: deque[SpooledFile] = deque()
        self._held: set[str] = set()  # names that are ready, deferred or in hand
        self._deferred: list[_Deferred] = []
        self._dropped = IncomingFiles(paths.incoming, spool, clock, incoming)
        self._wake = threading.Event()
        spool.restore_sidecars()
        self._look(recovered=True)
        self.recovered: tuple[FrameId, ...] = tuple(waiting.frame_id for waiting in self._ready)

    @property
    def incoming(self) -> IncomingSettings:
        """The rules for dropped files; may be replaced while running."""
        return self._dropped.rules

    @incoming.setter
    def incoming(self, rules: IncomingSettings) -> None:
        self._dropped.rules = rules

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Watch and list until `stop`."""
        observer = BaseObserver(_Emitter, timeout=1.0)
        observer.schedule(_Handler(self._appeared), str(self._paths.frames))
        observer.schedule(_Handler(self._was_dropped), str(self._paths.incoming))
        observer.start()
        looked = 0.0
        try:
            while not stop.is_set():
                heartbeat.beat()
                now = time.monotonic()
                if now - looked > (_IDLE_LOOK_S if self.depth == 0 else _BUSY_LOOK_S):
                    looked = now
                    self._look(recovered=False)
                    self._dropped.look()
                self._claim(heartbeat)
                self._undefer(now)
                self._wake.wait(0.1 if self._dropped.unsettled or self._deferred else 0.5)
                self._wake.clear()
        finally:
            observer.stop()
            observer.join(2.0)

    def take(self, timeout_s: float) -> SpooledFile | None:
        """The next file, oldest first; None if there is none within `timeout_s`."""
        with self._lock:
            if not self._ready and timeout_s > 0:
                self._lock.wait(timeout_s)
            return self._ready.popleft() if self._ready else None

    def done(self, waiting: SpooledFile) -> None:
        """This file has left the spool."""
        with self._lock:
            self._held.discard(waiting.name)

    def give_back(self, taken: Iterable[SpooledFile]) -> None:
        """These could not be finished now: they are next again, in their order."""
        with self._lock:
            self._ready.extendleft(reversed(list(taken)))
            self._lock.notify()

    def defer(self, waiting: SpooledFile, seconds: float) -> None:
        """Somebody may still be writing this file: offer it again later."""
        with self._lock:
            self._deferred.append(_Deferred(waiting, time.monotonic() + seconds))
        self._wake.set()

    @property
    def depth(self) -> int:
        """Files that wait or are in hand."""
        return len(self._held)

    @property
    def oldest_age_s(self) -> float:
        """How long the oldest has waited since it arrived (or since start)."""
        try:
            return (time.monotonic_ns() - self._ready[0].arrived_ns) / 1e9
        except IndexError:
            return 0.0

    def _appeared(self, name: str) -> None:
        if not self._spool.is_foreign(
            name
        ):  # those make an event as well, but are offered when claimed
            self._offer([name], recovered=False)

    def _was_dropped(self, name: str) -> None:
        self._dropped.finished(name)
        self._wake.set()

    def _look(self, *, recovered: bool) -> None:
        self._offer(self._spool.names(), recovered=recovered)

    def _offer(self, names: Iterable[str], *, recovered: bool) -> None:
        now = time.monotonic_ns()
        frames = f"{self._paths.frames}/"
        with self._lock:
            for name in names:
                if name in self._held:
                    continue
                waiting = self._spool.spooled_file(name, now, recovered=recovered)
                # An event may be older than the frame's retirement: only what is there counts.
                if waiting and os.path.lexists(frames + name):
                    self._held.add(name)
                    self._ready.append(waiting)
            self._lock.notify()

    def _claim(self, heartbeat: Heartbeat) -> None:
        """Take over finished files, newest arrivals last."""
        for waiting in self._dropped.claims():
            heartbeat.beat()
            with self._lock:
                self._held.add(waiting.name)
                self._ready.append(waiting)
                self._lock.notify()

    def _undefer(self, now: float) -> None:
        with self._lock:
            due = [each.waiting for each in self._deferred if each.not_before <= now]
            if due:
                self._deferred = [each for each in self._deferred if each.not_before > now]
                self._ready.extend(due)
                self._lock.notify()
