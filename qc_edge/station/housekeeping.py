"""Upkeep: watches the disk, the spool's file server and the clock, anchors the log and takes up
labels, compresses evidence while nothing waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import StoreError
from qc_edge.intake.arrivals import Arrivals
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.priority import lower_priority
from qc_edge.service.remote.file_server import FileServer
from qc_edge.store.compression import Compressor
from qc_edge.store.disk_space import DiskMonitor, DiskSpace

_LOOK_S = 1.0
_CLOCK_S = 5.0
_QUIET_S = 3.0
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


class Housekeeping:
    """Upkeep of a running station. `run` is the work of the thread `janitor`."""

    def __init__(
        self,
        disk_monitor: DiskMonitor,
        clock: FrameClock,
        events: EventLog,
        arrivals: Arrivals | None,
        compressor: Compressor | None,
        compress_after_s: float,
        file_server: FileServer | None = None,
        looks: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`looks` are called every second, too; each takes a moment and never raises."""
        self._disk_monitor = disk_monitor
        self._clock = clock
        self._events = events
        self._arrivals = arrivals
        self._compressor = compressor
        self._compress_after_s = compress_after_s
        self._file_server = file_server
        self._looks = looks
        self._busy_at = time.monotonic()
        self._heartbeat: Heartbeat | None = None

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Look every second until `stop`, at a low priority."""
        lower_priority(_NICE)
        self._heartbeat, looked_at_clock, compressed_at = heartbeat, 0.0, 0.0
        while not stop.wait(_LOOK_S):
            self._look()
            now = time.monotonic()
            if now - looked_at_clock > _CLOCK_S:
                looked_at_clock = now
                if change := self._clock.check():
                    self._events.report(Occurrence(EventKind.CLOCK, change))
            if self._compressor and now - compressed_at > 60 and self._is_quiet():
                compressed_at = now
                self._compress(stop)

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

    def _compress(self, stop: threading.Event) -> None:
        assert self._compressor is not None  # noqa: S101

        def may_go_on() -> bool:
            self._look()
            return (
                not stop.is_set()
                and self._is_quiet()
                and self._disk_monitor.space is DiskSpace.ENOUGH
            )

        try:
            self._compressor.compress(self._compress_after_s, may_go_on)
        except StoreError as fault:
            LOG.error("%s", fault)

    def _is_quiet(self) -> bool:
        """There is no backlog, and has been none for a few seconds."""
        now = time.monotonic()
        if self._arrivals is not None and self._arrivals.depth > _BACKLOG:
            self._busy_at = now
        return now - self._busy_at > _QUIET_S
