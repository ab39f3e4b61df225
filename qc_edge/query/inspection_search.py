"""Inspections found by their frame, part, lot and time, for a person who looks. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import COLUMNS, Inspection
from qc_edge.query.journal_reader import newest_inspections
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.query.typed_rows import to_inspection, to_row

_NEAR = timedelta(hours=2)
"""A row is recorded this long after its exposure at most, but for what waited in a backlog."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: `part` and `lot` as a person types them, with * for any letters; empty:
    any. Times are aware UTC, `until` exclusive.
    """

    part: str = ""
    lot: str = ""
    since: datetime | None = None
    until: datetime | None = None
    verdict: str = ""
    disposition: str = ""
    limit: int = 100


def newest(journal: Path, count: int) -> list[Inspection]:
    """The last inspections, newest first, from the journal: they are there before they are
    published. Empty if it does not read.
    """
    try:
        return list(islice(newest_inspections(journal), count))
    except OSError:
        return []


def search_inspections(source: LogSource, search: Search) -> list[Inspection]:
    """The newest inspections that fit, newest first. Raises StoreError."""
    where, values = search_condition(search)
    for span in spans_of(search):
        if found := _select(source, span, where, values, search.limit):
            return found
    return []


def inspections_of(source: LogSource, part_id: str, limit: int) -> list[Inspection]:
    """The newest inspections of a part, whose id is taken as it is. Raises StoreError."""
    for span in (Span(keys=(part_id,)), EVERYTHING):
        if found := _select(source, span, "part_id = $part", {"part": part_id}, limit):
            return found
    return []


def spans_of(search: Search) -> Iterator[Span]:
    """Where to look, one after the other until something is found: by the index where a part is
    named in full, and in all rows of the time, for no index says that there is nothing.
    """
    if (part := search.part.strip()) and "*" not in part:
        yield Span(search.since, search.until, keys=(part,))
    yield Span(search.since, search.until)


def search_condition(search: Search) -> tuple[str, dict[str, object]]:
    """What stands behind WHERE, and its values by name."""
    conditions, values = ["true"], dict[str, object]()
    for column, wanted in (("part_id", search.part), ("lot", search.lot)):
        if wanted:
            conditions.append(f"{column} LIKE ${column} ESCAPE '!'")
            values[column] = _pattern(wanted)
    for column, wanted in (("verdict", search.verdict), ("disposition", search.disposition)):
        if wanted:
            conditions.append(f"{column} = ${column}")
            values[column] = wanted
    for sign, name, moment in ((">=", "since", search.since), ("<", "until", search.until)):
        if moment is not None:
            conditions.append(f"recorded_at {sign} ${name}")
            values[name] = _naive(moment)
    return " AND ".join(conditions), values


def find_frame(source: LogSource, frame_id: str, exposed_at: datetime | None) -> Inspection | None:
    """The inspection of a frame, looked for round the time that is in its id. Raises StoreError."""
    try:
        span = Span(exposed_at - _NEAR, exposed_at + _NEAR) if exposed_at else EVERYTHING
    except OverflowError:  # the first and the last hours that a calendar has: of no frame
        return None
    for hours in dict.fromkeys((span, EVERYTHING)):
        if found := _select(source, hours, "frame_id = $frame", {"frame": frame_id}, 1):
            return found[0]
    return None


def neighbours(
    source: LogSource, row: Inspection, count: int
) -> tuple[list[Inspection], list[Inspection]]:
    """What the same camera saw just before and just after, at most `count` each, oldest first.

    Raises StoreError.
    """
    span = Span(row.recorded_at - _NEAR, row.recorded_at + _NEAR)
    values: dict[str, object] = {"camera": row.camera, "frame": row.frame_id}
    before = _select(source, span, "camera = $camera AND frame_id < $frame", values, count)
    where = "camera = $camera AND frame_id > $frame"
    after = _select(source, span, where, values, count, oldest=True)
    return before[::-1], after


def newest_events(cursor: PublishedCursor, since: datetime, limit: int) -> list[Event]:
    """The last events, newest first. Raises StoreError."""
    relation = cursor.relation("events", Span(since, None))
    if relation is None:
        return []
    names = COLUMNS["events"]
    rows = cursor.fetch(
        f"SELECT {', '.join(names)} FROM {relation} WHERE recorded_at >= $since "  # noqa: S608
        f"ORDER BY chain_seq DESC LIMIT {limit:d}",
        {"since": _naive(since)},
    )
    return [to_row(Event, dict(zip(names, row, strict=True))) for row in rows]


def _select(
    source: LogSource,
    span: Span,
    where: str,
    values: dict[str, object],
    limit: int,
    *,
    oldest: bool = False,
) -> list[Inspection]:
    relation = source.relation(Inspection.TABLE, span)
    if relation is None:
        return []
    present = source.columns(Inspection.TABLE)
    names = [name for name in COLUMNS[Inspection.TABLE] if name in present]
    empty = dict.fromkeys(COLUMNS[Inspection.TABLE])
    rows = source.fetch(
        f"SELECT {', '.join(names)} FROM {relation} WHERE {where} "  # noqa: S608
        f"ORDER BY frame_id {'ASC' if oldest else 'DESC'} LIMIT {limit:d}",
        values,
    )
    return [to_inspection(empty | dict(zip(names, row, strict=True))) for row in rows]


def _pattern(typed: str) -> str:
    """What a person typed as a pattern of LIKE: * is any letters, and all else itself."""
    escaped = typed.strip()
    for sign in "!%_":
        escaped = escaped.replace(sign, f"!{sign}")
    return escaped.replace("*", "%")


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
