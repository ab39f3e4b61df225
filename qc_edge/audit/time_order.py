"""Whether time goes forward along the chain: a row is recorded after the one before it, but where
the clock was set back, and then an event says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from qc_edge.audit.finding import AuditReport
from qc_edge.query.audit_queries import BACKWARDS, CLOCK_EVENTS, fetch
from qc_edge.query.rows import Rows

_SET_BACK = ("stepped by -", "behind the newest known time", "counts no more", "are true again")
"""Words of an event `clock` that tells why times go back (service/clock.py, decision 0023)."""

_TOLD_WITHIN = timedelta(minutes=10)
"""A running station looks at its clock every five seconds; one that starts, once it judges."""

_ClockEvent: TypeAlias = tuple[int, datetime, str]


def check_time_order(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """Hold `recorded_at` of rows `first` to `last` against their order in the chain.

    Rows of the shadow are left out: they are gathered before they are committed.
    """
    with rows.held():
        backwards = list(rows.select_all(BACKWARDS, ("recorded_at",), first, last))
    if not backwards:
        return
    clock_events = fetch(rows, CLOCK_EVENTS, "events", first, 2**62)
    for seq, recorded_at, before_seq, before in backwards:
        if not _is_told(seq, recorded_at, clock_events):
            report.fault(
                "time_backwards",
                f"row {seq} was recorded at {recorded_at:%Y-%m-%d %H:%M:%S}, row {before_seq} "
                f"before it at {before:%Y-%m-%d %H:%M:%S}, {before - recorded_at} later, and no "
                "event says that the clock was set back",
                f"{rows.place} row {seq}",
                "compare with the journal of systemd and the anchors: verify --anchors",
            )


def _is_told(seq: int, at: datetime, clock_events: Sequence[_ClockEvent]) -> bool:
    return any(
        event_seq > seq
        and at - timedelta(seconds=2) <= told_at <= at + _TOLD_WITHIN
        and any(words in detail for words in _SET_BACK)
        for event_seq, told_at, detail in clock_events
    )
