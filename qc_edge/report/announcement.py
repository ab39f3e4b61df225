"""What the log knows of how a disposition left the station. Never claims more than that."""

from __future__ import annotations

from qc_edge.domain.events import EventKind
from qc_edge.domain.verdict import HoldReason
from qc_edge.query.part_lookup import PartInspection

_NO_OUTPUT = "The log knows of no output that told the line."
"""The journal line is the only output so far, and nobody can see whether anything reads it."""


def describe_announcement(logged: PartInspection) -> str:
    """A sentence on how the disposition was announced, from the events that name its frame."""
    disposition = logged.row.disposition
    if logged.row.hold_reason is HoldReason.LATE_VIEW:
        return "It came after the line was told of its part, and changed nothing of that."
    if logged.row.attempt_id is not None:
        return f"It is the view {logged.row.view} of a part; the line was told of all its views."
    told = {event.kind: event for event in logged.announcements}
    if unknown := told.get(EventKind.ANNOUNCEMENT_UNKNOWN):
        return (
            f"Whether {disposition} was announced is not known: the station ended between row and "
            f"announcement, as it found at {unknown.recorded_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    if failed := told.get(EventKind.ANNOUNCEMENT_FAILED):
        return f"The announcement of {disposition} failed: {_behind_frame(failed.detail)}."
    if late := told.get(EventKind.LATE_ANNOUNCEMENT):
        return (
            f"It was announced in the station's journal as HOLD instead of {disposition}: the "
            f"deadline had passed ({_behind_frame(late.detail)}). {_NO_OUTPUT}"
        )
    return f"{disposition} was announced in the station's journal. {_NO_OUTPUT}"


def _behind_frame(detail: str) -> str:
    return detail.partition(": ")[2] or detail
