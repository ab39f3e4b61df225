"""The event log of a running process: into the ledger, or through the spool where it has none.

It gives events their ids and times and says them in the journal; it never decides what is one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

from qc_edge.domain.events import Event, Occurrence
from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG, log_event
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool

_WAITING_MAX = 256
"""Reports that may wait for a disk that takes writes again; a station in trouble has tens."""


class StationEventLog:
    """Fulfils `qc_edge.domain.events.EventLog`. `source` ends the ids of its events."""

    def __init__(
        self,
        station: str,
        clock: FrameClock,
        spool: Spool,
        ledger: Ledger | None,
        source: str = "station",
    ) -> None:
        self._station = station
        self._clock = clock
        self._spool = spool
        self._ledger = ledger
        self._source = source
        self._lock = threading.Lock()
        # Their ids were given when they happened, so that they sort by that.
        self._waiting: list[tuple[FrameId, Occurrence]] = []
        self._handed_over: list[Occurrence] = []

    def record(self, occurrences: Sequence[Occurrence]) -> None:
        """Write the events of a change, durably, all or none. Raises DiskFullError, StoreError."""
        if not occurrences:
            return
        with self._lock:
            if self._ledger is not None:
                events = [(self._new_id(), occurrence) for occurrence in occurrences]
                self._append(self._ledger, events)
            else:
                self._hand_over(occurrences)
        for occurrence in occurrences:
            log_event(occurrence.kind, occurrence.detail)

    def report(self, occurrence: Occurrence) -> None:
        """Write an event if the disk takes it, else keep it for later; never raises."""
        log_event(occurrence.kind, occurrence.detail)
        with self._lock:
            if len(self._waiting) >= _WAITING_MAX:
                LOG.error("no row for the event %s: too many wait for one", occurrence.kind)
                return
            self._waiting.append((self._new_id(), occurrence))
            if self._is_held_up():
                return
            try:
                self._write_waiting()
            except StoreError as fault:
                LOG.error("the event %s waits for its row: %s", occurrence.kind, fault)

    def write_waiting(self) -> None:
        """Try again to write what was reported while the disk refused; never raises."""
        # The main thread, which shows that the process lives, waits neither for a file server nor
        # for a thread that does.
        if self._waiting and not self._is_held_up() and self._lock.acquire(blocking=False):
            try:
                # The fault was said when the event was reported; the next look tries again.
                with suppress(StoreError):
                    self._write_waiting()
            finally:
                self._lock.release()

    def _is_held_up(self) -> bool:
        return self._ledger is None and bool(self._spool.server.trouble)

    def _write_waiting(self) -> None:
        """Raises DiskFullError or StoreError; then what has no row yet still waits."""
        if self._ledger is not None and self._waiting:
            self._append(self._ledger, self._waiting)
            self._waiting.clear()
        while self._waiting:
            self._spool.put_row(self._row(*self._waiting[0]))
            del self._waiting[0]

    def _append(self, ledger: Ledger, events: Sequence[tuple[FrameId, Occurrence]]) -> None:
        ledger.append([self._row(event_id, event) for event_id, event in events], utc_now())
        try:
            ledger.apply()
        except StoreError as fault:
            # They stand in the journal, which is what durable means; the next commit brings the
            # database up to it.
            LOG.error("%s", fault)

    def _hand_over(self, occurrences: Sequence[Occurrence]) -> None:
        """One file an event: those that a refused try has handed over already are left out.

        The process that keeps the log may have taken them, so that they cannot be taken back.
        """
        for occurrence in occurrences:
            if occurrence not in self._handed_over:
                self._spool.put_row(self._row(self._new_id(), occurrence))
                self._handed_over.append(occurrence)
        self._handed_over.clear()

    def _row(self, event_id: FrameId, event: Occurrence) -> Event:
        # Recorded now, however long it waited: the published hours that are over never change.
        return Event(
            event_id=event_id,
            recorded_at=utc_now(),
            station=self._station,
            kind=event.kind,
            who=_encodable(event.who),
            detail=_encodable(event.detail),
            before=event.before and _encodable(event.before),
            after=event.after and _encodable(event.after),
            why=event.why and _encodable(event.why),
            record=event.record,
            record_sha256=event.record_sha256,
        )

    def _new_id(self) -> FrameId:
        return self._clock.stamp(self._source).frame_id


def _encodable(text: str) -> str:
    """Half a surrogate pair, as names of files may have, in an escape: else no row of it, nor of
    what waits behind it, could ever be written.
    """
    return text.encode(errors="backslashreplace").decode()
