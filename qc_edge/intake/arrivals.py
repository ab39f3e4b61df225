"""Arrivals: the files that wait for inspection, live parts and the backlog behind them.

inotify's events are hints: they get lost when the kernel's queue overflows (60,000 files in 5.3 s
lost 30,687 events, watchdog 7.1.0) and never come over NFS. The directory is the truth. It is
listed at start, whenever there is nothing to do, and now and then under load: never for each event,
which would be quadratic under a backlog.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import FrameId
from qc_edge.errors import FileServerError
from qc_edge.intake.deferred_files import DeferredFiles
from qc_edge.intake.incoming_folders import IncomingFolders
from qc_edge.intake.lanes import Lane, Lanes
from qc_edge.intake.watch import DirectoryWatch
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.open_files import is_local
from qc_edge.settings import IncomingSettings, Settings, StationPaths
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile, is_foreign, parse_name

_IDLE_SCAN_S = 1.0
"""With nothing waiting: a lost event costs a second, not a file."""

_BUSY_SCAN_S = 30.0
"""Under load, where listing 20,000 names costs what the frames need."""

_UNWATCHED_SCAN_S = 0.2
"""Without a watch, or where another machine serves the spool and no event tells of what others put
there; less often where a listing takes long.
"""


class Arrivals:
    """The two lanes of files between the spool's directories and the inspector.

    `run` is the arrivals worker: it watches and lists. `take`, `done`, `give_back`, `set_back` and
    `defer` are called from the inspector's thread. A file is in a lane at most once, however often
    it is seen, until `done` says that it has left the spool.
    """

    def __init__(
        self,
        paths: StationPaths,
        spool: Spool,
        clock: FrameClock,
        settings: Settings,
        events: EventLog,
    ) -> None:
        self._paths = paths
        self._spool = spool
        self._lock = threading.Condition()
        self._lanes = Lanes()
        self._accepted: set[str] = set()  # names that are ready, deferred or in hand
        self._deferred = DeferredFiles()
        self._wake = threading.Event()
        self._incoming_files = IncomingFolders(paths, spool, clock, settings, events, self._wake)
        self._events = events
        self._frames_watch = DirectoryWatch(paths.frames, self._on_spooled)
        self._unwatched = ""
        self._hears_others = is_local(paths.incoming)
        # Before capture and the watch begin: what is here now was left by the last run, and what
        # comes later is not.
        spool.claims.finish_interrupted()
        self.recovered: tuple[FrameId, ...] = tuple(self._scan(recovered=True))

    @property
    def incoming(self) -> IncomingSettings:
        """The rules for dropped files; may be replaced while running."""
        return self._incoming_files.rules

    @incoming.setter
    def incoming(self, rules: IncomingSettings) -> None:
        self._incoming_files.rules = rules

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Watch and list until `stop`."""
        scanned_at, took_s = -math.inf, 0.0
        try:
            while not stop.is_set():
                heartbeat.beat()
                now = time.monotonic()
                self._keep_watches(now)
                # Asked each time: a queue that has emptied brings the next listing forward.
                if now - scanned_at >= self._scan_every_s(took_s):
                    with suppress(FileServerError):  # the status says it; the next listing tells
                        self._scan(recovered=False)
                        self._incoming_files.scan()
                    scanned_at, took_s = now, time.monotonic() - now
                self._claim(heartbeat)
                self._offer_deferred(now)
                is_pending = self._incoming_files.is_pending or self._deferred or self._is_blind
                self._wake.wait(0.1 if is_pending else 0.5)
                self._wake.clear()
        finally:
            for watch in self._watches:
                watch.stop()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What slows arrivals down or keeps files from being taken; from any thread."""
        return tuple(filter(None, (*self._incoming_files.warnings, self._unwatched)))

    @property
    def _is_blind(self) -> bool:
        """True where no event tells of all that comes."""
        return bool(self._unwatched) or self._spool.server.is_remote

    @property
    def _watches(self) -> list[DirectoryWatch]:
        return [self._frames_watch, *self._incoming_files.watches]

    def _keep_watches(self, now: float) -> None:
        watches = self._watches
        for watch in watches:
            watch.keep(now)
        # One after the other, and each reason once: they mostly have the same one.
        problems = dict.fromkeys(watch.problem for watch in watches if watch.problem)
        problem = f"arrivals are listed, not watched: {'; '.join(problems)}" if problems else ""
        if problem == self._unwatched:
            return
        self._unwatched = problem
        self._incoming_files.forget_uses()
        kind = EventKind.WATCH_LOST if problem else EventKind.WATCH_BACK
        detail = problem or "the directories are watched again"
        self._events.report(Occurrence(kind, detail, who="arrivals"))

    def _scan_every_s(self, took_s: float) -> float:
        """How long after a listing that took `took_s` the next one begins (seconds)."""
        if self._is_blind:
            # At most: a listing that waited for its server says nothing of the next.
            return min(max(_UNWATCHED_SCAN_S, 10 * took_s), _IDLE_SCAN_S)
        if not self.depth:
            return _IDLE_SCAN_S
        return _BUSY_SCAN_S if self._hears_others else max(_IDLE_SCAN_S, 10 * took_s)

    def take(self, lanes: Sequence[Lane], timeout_s: float) -> SpooledFile | None:
        """The oldest file of the first of these lanes that has one; None if there is none within
        `timeout_s`.
        """
        with self._lock:
            file = self._lanes.take(lanes)
            if file is None and timeout_s > 0:
                self._lock.wait(timeout_s)
                file = self._lanes.take(lanes)
            return file

    def done(self, file: SpooledFile) -> None:
        """`file` has left the spool: its name counts no more."""
        with self._lock:
            self._accepted.discard(file.name)
            self._lanes.forget(file)

    def give_back(self, files: Iterable[SpooledFile]) -> None:
        """These were taken and could not be finished: they are the next of their lanes again, in
        their order.
        """
        with self._lock:
            self._lanes.give_back(files)
            self._lock.notify()

    def set_back(self, file: SpooledFile) -> None:
        """`file` was taken and is too late to be told in time: it goes on behind the backlog."""
        with self._lock:
            self._lanes.set_back(file)
            self._lock.notify()

    def lane_of(self, file: SpooledFile) -> Lane:
        """The lane of a file that waits or is in hand."""
        return self._lanes.lane_of(file)

    def next_of_backlog(self) -> SpooledFile | None:
        """The next file of the backlog; it stays. Called from the inspector's thread."""
        return self._lanes.next(Lane.BACKLOG)

    def defer(self, file: SpooledFile, seconds: float) -> None:
        """Another node may still be writing `file`: offer it again after so many seconds."""
        with self._lock:
            self._deferred.add(file, time.monotonic() + seconds)
        self._wake.set()

    @property
    def depth(self) -> int:
        """The number of files that wait or are in hand."""
        return len(self._accepted)

    def waiting(self, lane: Lane) -> int:
        """The number of files that wait in `lane`; those in hand are not among them."""
        return self._lanes.waiting(lane)

    def oldest_age_s(self, *lanes: Lane) -> float:
        """Seconds since the next file of these lanes arrived (or since the start), of all lanes if
        none is given; 0 if none waits.
        """
        # Without the lock: the reporter asks while the inspector takes, and may be a file late.
        files = [self._lanes.next(lane) for lane in lanes or Lane]
        arrived = [file.arrived_ns for file in files if file is not None]
        return (time.monotonic_ns() - min(arrived)) / 1e9 if arrived else 0.0

    def _on_spooled(self, name: str) -> None:
        # A claimed file makes an event too, but `_claim` offers it itself: only there is it known
        # when it arrived and whether it was recovered.
        if not is_foreign(name):
            with suppress(FileServerError):  # the next listing finds it
                self._offer([name], recovered=False)

    def _scan(self, *, recovered: bool) -> list[FrameId]:
        return self._offer(self._spool.names(), recovered=recovered)

    def _offer(self, names: Iterable[str], *, recovered: bool) -> list[FrameId]:
        """Queue the files of these names that are new; returns their frames."""
        offered = []
        now = time.monotonic_ns()
        with self._lock:
            for name in names:
                if name in self._accepted:
                    continue
                file = parse_name(name, now, recovered=recovered)
                # An event may be older than the frame's retirement: only what is there counts.
                if file and self._spool.has(name):
                    self._accepted.add(name)
                    self._lanes.add(file)
                    offered.append(file.frame_id)
            self._lock.notify()
        return offered

    def _claim(self, heartbeat: Heartbeat) -> None:
        """Take over finished files of other nodes, newest arrivals last."""
        for file in self._incoming_files.claim_finished(heartbeat.beat):
            heartbeat.beat()
            with self._lock:
                self._accepted.add(file.name)
                self._lanes.add(file)
                self._lock.notify()

    def _offer_deferred(self, now: float) -> None:
        with self._lock:
            if due := self._deferred.take_due(now):
                for file in due:
                    self._lanes.add(file)
                self._lock.notify()
