"""The events that a suspect window begins or ends at, by their order in the chain: the clock may
have been set back between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware

_BEFORE = timedelta(hours=1)
"""A step back by less may have no event that lies before the change."""


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """An event that put something in force, or told of the clock (aware UTC)."""

    at: datetime
    number: int
    detail: str
    before: str | None
    after: str | None

    def takes_back(self, other: LoggedChange) -> bool:
        """True if what was in force before `other` is so again. The id of a threshold ends with its
        value, which is what counts.
        """
        if self.after is None or other.before is None or self.before != other.after:
            return False
        return self.after.rpartition(":")[2] == other.before.rpartition(":")[2]


def newest_events(
    log: PublishedCursor, kind: str, until: datetime | None, number: int | None = None
) -> list[LoggedChange]:
    """The newest two before a moment, or before a number of the chain; the newest first."""
    relation = log.relation("events")
    if relation is None:
        return []
    # By the chain, not by the time: after a clock that stood ahead, the latest is not the newest.
    rows = log.fetch(
        f"SELECT recorded_at, chain_seq, detail, before, after FROM {relation} "  # noqa: S608
        "WHERE kind = $kind AND ($until::TIMESTAMP IS NULL OR recorded_at < $until::TIMESTAMP) "
        "AND ($number::BIGINT IS NULL OR chain_seq < $number::BIGINT) "
        "ORDER BY chain_seq DESC LIMIT 2",
        {
            "kind": kind,
            "until": until.replace(tzinfo=None).isoformat() if until else None,
            "number": number,
        },
    )
    return [LoggedChange(aware(at), *rest) for at, *rest in rows]


def newest_calibrations(log: PublishedCursor, until: datetime) -> list[LoggedChange]:
    """The newest before a moment of each camera that has judged since the newest of all, the
    oldest of them first: of one camera it says nothing of another.
    """
    newest = newest_events(log, "calibration", until)
    events = log.relation("events")
    frames = log.relation("inspections", Span(since=newest[0].at), ("camera",)) if newest else None
    if events is None or frames is None:
        return newest[:1]
    # The id of a calibration ends with its camera.
    camera = "split_part(after, 'Z-', 2)"
    rows = log.fetch(
        f"SELECT recorded_at, chain_seq, detail, before, after FROM {events} "  # noqa: S608
        f"WHERE kind = 'calibration' AND recorded_at < $until AND {camera} IN "
        f"(SELECT DISTINCT camera FROM {frames}) "
        f"QUALIFY row_number() OVER (PARTITION BY {camera} ORDER BY chain_seq DESC) = 1 "
        "ORDER BY chain_seq",
        {"until": until.replace(tzinfo=None)},
    )
    return [LoggedChange(aware(at), *rest) for at, *rest in rows] or newest[:1]


def beginning(log: PublishedCursor, at: datetime, number: int) -> datetime:
    """From when on what was judged after this `number` of the chain was, which was written `at`:
    earlier than that where the clock was set back since.
    """
    events = log.relation("events")
    query = f"SELECT min(recorded_at) FROM {events} WHERE chain_seq > $number"  # noqa: S608
    ((first,),) = log.fetch(query, {"number": number}) if events else [(None,)]
    earliest = min(at, aware(first) if first else at) - _BEFORE
    relation = log.relation("inspections", Span(earliest, at), ("recorded_at", "chain_seq"))
    if relation is None:
        return at
    ((first,),) = log.fetch(
        f"SELECT min(recorded_at) FROM {relation} WHERE chain_seq > $number "  # noqa: S608
        "AND recorded_at >= $since AND recorded_at < $at",
        {
            "number": number,
            "since": earliest.replace(tzinfo=None),
            "at": at.replace(tzinfo=None),
        },
    )
    return aware(first) if first else at
