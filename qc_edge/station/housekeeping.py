"""Upkeep: watches the disk, the spool's file server and the clock, anchors the log and takes up
labels, compresses evidence and deletes what the rules let go while nothing waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import StoreError
from qc_edge.intake.arrivals import Arrivals
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.priority import lower_priority
from qc_edge.service.remote.file_server import FileServer
from qc_edge.store.disk_space import DiskMonitor, DiskSpace

_LOOK_S = 1.0
_CLOCK_S = 5.0
_QUIET_S = 3.0
_IDLE_S = 60.0
_BACKLOG = 2
_NICE = 5
"""Low, but not lowest: this thread holds the interpreter's lock now and then, and whoever waits for
it then waits for this thread to be scheduled, which at 19 beside a heavy query may take long.
"""

_DISK_EVENTS = {
    DiskSpace.ENOUGH: EventKind.DISK_ENOUGH,
    DiskSpace.LOW: EventKind.DISK_LOW,
    DiskSpace.NONE: EventKind.DISK_NONE,
}


@dataclass(frozen=True, slots=True)
class IdleWork:
    """What is done while nothing waits, once a minute: `do(may_go_on)` ends when that is False.

    `makes_room`: while the room is short it is done whatever waits. It may raise StoreError.
    """

    do: Callable[[Callable[[], bool]], object]
    makes_room: bool = False


class Housekeeping:
    """Upkeep of a running station. `run` is the work of the thread `janitor`."""

    def __init__(
        self,
        disk_monitor: DiskMonitor,
        clock: FrameClock,
        events: EventLog,
        arrivals: Arrivals | None,
        idle_work: Sequence[IdleWork],
        file_server: FileServer | None = None,
        looks: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`looks` are called every second, too; each takes a moment and never raises."""
        self._disk_monitor = disk_monitor
        self._clock = clock
        self._events = events
        self._arrivals = arrivals
        self._idle_work = idle_work
        self._file_server = file_server
        self._looks = looks
        self._busy_at = time.monotonic()
        self._heartbeat: Heartbeat | None = None

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Look every second until `stop`, at a low priority."""
        lower_priority(_NICE)
        self._heartbeat, looked_at_clock, idle_at = heartbeat, 0.0, 0.0
        while not stop.wait(_LOOK_S):
            self._look()
            now = time.monotonic()
            if now - looked_at_clock > _CLOCK_S:
                looked_at_clock = now
                if change := self._clock.check():
                    self._events.report(Occurrence(EventKind.CLOCK, change))
            if now - idle_at > _IDLE_S and (self._is_quiet() or self._is_short()):
                idle_at = now
                for work in self._idle_work:
                    self._do(work, stop)

    def _look(self) -> None:
        """What is looked at every second, while evidence is compressed too."""
        if self._heartbeat:
            self._heartbeat.beat()
        self._look_at_disk()
        self._look_at_file_server()
        self._clock.keep_mark()
        for look in self._looks:
            look()

    def _look_at_disk(self) -> None:
        if not self._disk_monitor.measure():
            return
        kind = _DISK_EVENTS[self._disk_monitor.space]
        self._events.report(Occurrence(kind, self._disk_monitor.description))

    def _look_at_file_server(self) -> None:
        if self._file_server and (news := self._file_server.news()):
            is_lost, words = news
            kind = EventKind.SPOOL_LOST if is_lost else EventKind.SPOOL_BACK
            self._events.report(Occurrence(kind, words))

    def _do(self, work: IdleWork, stop: threading.Event) -> None:
        def may_go_on() -> bool:
            self._look()
            # What makes room cannot wait for a backlog that waits for room.
            goes = work.makes_room if self._is_short() else self._is_quiet()
            return goes and not stop.is_set()

        if not may_go_on():
            return
        try:
            work.do(may_go_on)
        except StoreError as fault:
            LOG.error("%s", fault)

    def _is_short(self) -> bool:
        return self._disk_monitor.space is not DiskSpace.ENOUGH

    def _is_quiet(self) -> bool:
        """There is no backlog, and has been none for a few seconds."""
        now = time.monotonic()
        if self._arrivals is not None and self._arrivals.depth > _BACKLOG:
            self._busy_at = now
        return now - self._busy_at > _QUIET_S
