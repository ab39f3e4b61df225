"""Puts what outputs told their lines on record: rows of `told`, and events of what went wrong.

Outputs hand over notes and go on; the station's upkeep writes them once a second, so that no line
waits for the disk, and neither does the inspector.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import StoreError
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.reasons import reason_number
from qc_edge.output.line_counting import LineCounting
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.lookups import unconfirmed

_MOST_WAITING = 20_000
"""Rows that may wait for a disk that takes writes again: half an hour at ten parts a second."""
_MOST_AT_ONCE = 256
_LONGEST_UNAPPLIED_S = 10.0

_ROWS = {
    NoteKind.ACKNOWLEDGED,
    NoteKind.UNACKNOWLEDGED,
    NoteKind.SHOWN,
    NoteKind.UNTOLD,
    NoteKind.EJECTED,
    NoteKind.UNCONFIRMED,
    NoteKind.PASSED,
}
_EVENTS = {
    NoteKind.UNACKNOWLEDGED: EventKind.RESULT_UNACKNOWLEDGED,
    NoteKind.UNCONFIRMED: EventKind.EJECTION_UNCONFIRMED,
    NoteKind.PASSED: EventKind.REJECT_PASSED,
    NoteKind.TRIGGER_REFUSED: EventKind.TRIGGER_REFUSED,
    NoteKind.TRIGGERS_MISSED: EventKind.TRIGGERS_MISSED,
    NoteKind.RESET: EventKind.LINE_RESET,
    NoteKind.PEER_LOST: EventKind.LINE_SILENT,
    NoteKind.PEER_BACK: EventKind.LINE_BACK,
    NoteKind.LINK_LOST: EventKind.OUTPUT_LOST,
    NoteKind.LINK_OPEN: EventKind.OUTPUT_BACK,
}
_MOST_EVENTS = 5
"""Of one kind and output in one look: a line that has gone would fill the log with them."""


class ToldLog:
    """`keep` from any thread; `look` and `finish` from one."""

    def __init__(self, station: str, ledger: Ledger, events: EventLog, clock: FrameClock) -> None:
        self._station = station
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._notes: deque[tuple[str, Note]] = deque()
        self._rows: deque[ToldMessage] = deque()
        self.counting = LineCounting(station, ledger, events, clock)
        self._compared: tuple[str, Note] | None = None
        self._lost = 0
        self._last_error = ""
        self._unapplied_s: float | None = None

    def keep(self, output: str, note: Note) -> None:
        """Put it on record within a second or so."""
        self._notes.append((output, note))

    def give_up(self, output: str, dispositions: Sequence[str], within_s: float) -> None:
        """Parts of these dispositions that `output` awaited as ejected when the station was killed
        are unconfirmed. Raises StoreError if the log does not read.
        """
        ask = partial(unconfirmed, output=output, dispositions=dispositions, within_s=within_s)
        detail = "the station was interrupted before the line confirmed it"
        for sequence, frame_id, part_id, name, reason in self._ledger.ask(ask):
            told, now_ns, part = Disposition[name], time.monotonic_ns(), None
            if frame_id:
                part = JudgedPart(part_id or "", frame_id, told, reason, None)
            self.keep(
                output, Note(NoteKind.UNCONFIRMED, now_ns, sequence, detail, part, told, reason)
            )

    def look(self) -> None:
        """Write what waits; never raises StoreError. What the disk refuses waits on.

        Into the database it comes with the next part's rows, once nothing new waits, or after a
        while: that takes the log's lock for some milliseconds, and a verdict would wait for it.
        """
        notes = self._next_notes()
        self._report(notes)
        self._rows += [self._row(output, note) for output, note in notes if note.kind in _ROWS]
        while len(self._rows) > _MOST_WAITING:
            self._rows.popleft()
            self._lost += 1
        rows = list(self._rows)[:_MOST_AT_ONCE]
        if not rows:
            self._apply()
            self._compare()
            return
        try:
            self._ledger.append(rows, utc_now())
        except StoreError as fault:
            if str(fault) != self._last_error:
                LOG.error("what the line was told waits for its rows: %s", fault)
            self._last_error = str(fault)
            return
        for _ in rows:
            self._rows.popleft()
        self._last_error = ""
        if self._lost:
            detail = f"{self._lost:,} messages have no row: the disk took none for too long"
            self._events.report(Occurrence(EventKind.TOLD_LOST, detail, who="outputs"))
            self._lost = 0
        if self._unapplied_s is None:
            self._unapplied_s = time.monotonic()
        elif time.monotonic() - self._unapplied_s > _LONGEST_UNAPPLIED_S:
            self._apply()
        self._compare()

    def _next_notes(self) -> list[tuple[str, Note]]:
        """Those that wait, up to a comparison of counts: what comes after it is not of it."""
        if self._compared and len(self._notes) > _MOST_WAITING:
            LOG.error("%s: the line's counts were not compared: no rows go in", self._compared[0])
            self._compared = None
        notes: list[tuple[str, Note]] = []
        while self._notes and self._compared is None:
            notes.append(self._notes.popleft())
            if notes[-1][1].kind is NoteKind.COUNTED:
                self._compared = notes[-1]
        return notes

    def _compare(self) -> None:
        """Compare counts, once all rows of before stand."""
        if self._compared is None or self._rows:
            return
        self._unapplied_s = self._unapplied_s or time.monotonic()
        if not self._apply():
            return  # without the rows in the journal the counts would seem to differ
        compared, self._compared = self._compared, None
        self.counting.compare(*compared)

    def finish(self) -> None:
        """The outputs have ended: write the rest, as far as the disk takes it."""
        before = -1
        while (self._notes or self._rows) and len(self._rows) + len(self._notes) != before:
            before = len(self._rows) + len(self._notes)
            self.look()
        self._apply()

    def _apply(self) -> bool:
        """Whether all rows are in the database now."""
        if self._unapplied_s is None:
            return True
        self._unapplied_s = None
        try:
            self._ledger.apply()
        except StoreError as fault:
            LOG.error("%s", fault)  # durable all the same: they stand in the journal
            return False
        return True

    def _report(self, notes: Sequence[tuple[str, Note]]) -> None:
        seen: Counter[tuple[str, NoteKind]] = Counter()
        for output, note in notes:
            kind = _EVENTS.get(note.kind)
            seen[output, note.kind] += 1
            if kind is None or seen[output, note.kind] > _MOST_EVENTS:
                continue
            self._events.report(Occurrence(kind, f"{output}: {note.words}", who=output))
        for (output, what), count in seen.items():
            if what in _EVENTS and count > _MOST_EVENTS:
                LOG.warning("%s: %d more are %s", output, count - _MOST_EVENTS, what)

    def _row(self, output: str, note: Note) -> ToldMessage:
        part, told_ns = note.part, note.told_ns
        exposed_ns = part.exposed_ns if part else None
        is_told = told_ns is not None
        age_ms = None if told_ns is None or exposed_ns is None else (told_ns - exposed_ns) / 1e6
        return ToldMessage(
            told_id=self._clock.stamp(output).frame_id,
            recorded_at=utc_now(),
            station=self._station,
            output=output,
            sequence=note.sequence or None,
            frame_id=part.frame_id if part else None,
            part_id=part.part_id if part else None,
            line_part_id=note.line_part_id or None,
            line_lot=note.lot or None,
            disposition=str(note.disposition) if is_told and note.disposition else None,
            reason=note.reason if is_told else None,
            reason_number=reason_number(note.reason) if is_told else None,
            outcome=str(note.kind),
            detail=note.detail,
            told_at=_utc(told_ns) if told_ns is not None else None,
            age_ms=None if age_ms is None else round(age_ms, 3),
            ended_at=_utc(note.at_ns),
            closes=note.closes,
        )


def _utc(at_ns: int) -> datetime:
    """The wall clock at a moment of CLOCK_MONOTONIC."""
    return utc_now() - timedelta(microseconds=(time.monotonic_ns() - at_ns) // 1000)
