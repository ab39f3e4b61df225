"""Holds the line's own counts of parts against what the log says it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.output.handshake.judged import LineCounts, Note
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.line_counts import told_since_count

LINE_COUNT = "line_count"
"""The reason of the gap row of a difference."""


class LineCounting:
    """Used by the thread that writes what was told: its rows stand before a comparison."""

    def __init__(self, station: str, ledger: Ledger, events: EventLog, clock: FrameClock) -> None:
        self._station = station
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self.tell: Callable[[str, bool], None] = lambda *_: None
        """Told of each output whose counts differ, or do no more."""

    def restore(self, output: str) -> None:
        """After a start: what the last comparison has shown stands. Raises StoreError."""
        last = self._ledger.ask(partial(told_since_count, output=output))
        self.tell(output, last.differed)

    def compare(self, output: str, note: Note) -> None:
        """Compare what was counted since the last time; never raises StoreError."""
        try:
            self._compare(output, note)
        except StoreError as fault:
            LOG.error("%s: the line's counts were not compared: %s", output, fault)

    def _compare(self, output: str, note: Note) -> None:
        counts = note.counts
        assert counts is not None  # noqa: S101
        last = self._ledger.ask(partial(told_since_count, output=output))
        after = json.dumps([counts.parts, counts.accepted, counts.ejected])
        if last.counts is None:
            detail = f"{output}: the line's counts begin: {counts.parts} parts until now"
            self._events.report(Occurrence(EventKind.LINE_COUNTED, detail, after=after, who=output))
            return
        line = _since(counts, LineCounts(*json.loads(last.counts)))
        station = LineCounts(last.parts, last.accepted, last.parts - last.accepted)
        differ = line != station
        detail = (
            f"{output}: since {last.at:%Y-%m-%d %H:%M} UTC {_words(line)} by the line, "
            f"{_words(station)} by the station"
        )
        if differ:
            # The row first: an event of a difference without one would count it as told.
            self._ledger.append(
                [self._gap(output, max(0, line.parts - station.parts), detail)], utc_now()
            )
            self._ledger.apply()
        kind = EventKind.LINE_COUNT_DIFFERS if differ else EventKind.LINE_COUNTED
        before = json.dumps([station.parts, station.accepted, station.ejected])
        self._events.report(Occurrence(kind, detail, before=before, after=after, who=output))
        self.tell(output, differ)

    def _gap(self, output: str, lost: int, detail: str) -> Gap:
        now = utc_now()
        return Gap(
            gap_id=self._clock.stamp(output).frame_id,
            recorded_at=now,
            station=self._station,
            camera=output,
            camera_serial=None,
            noticed_at=now,
            lost=lost,
            reason=LINE_COUNT,
            detail=detail,
            first_frame_number=None,
            last_frame_number=None,
        )


def _since(counts: LineCounts, before: LineCounts) -> LineCounts:
    """What came to each count; one that is lower than before began anew with 0."""
    return LineCounts(
        *(
            now - then if now >= then else now
            for now, then in (
                (counts.parts, before.parts),
                (counts.accepted, before.accepted),
                (counts.ejected, before.ejected),
            )
        )
    )


def _words(counts: LineCounts) -> str:
    return f"{counts.parts} parts, {counts.accepted} accepted, {counts.ejected} not"
