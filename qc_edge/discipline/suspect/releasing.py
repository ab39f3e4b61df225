"""Releasing suspect parts: part by part, or those that were judged again and accepted."""

# ruff: noqa: S608 - relations, and names that are written here
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qc_edge.discipline.suspect.quarantine import CAUSE
from qc_edge.domain.evidence.hold_entry import HoldScope
from qc_edge.domain.inspection import Inspection, Part
from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.labels.holds import ReleaseRequest, WrittenHold, of_parts, release
from qc_edge.query.inspection_lookup import open_log
from qc_edge.query.kept.hold_rows import causes_of_held
from qc_edge.query.past.rows_of_time import TOLD, RowsOfTime
from qc_edge.query.published_log import PublishedCursor, PublishedLog
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware
from qc_edge.recipe.attribution import Attribution
from qc_edge.records.people import checked_role
from qc_edge.settings import StationPaths


def role_to_release(
    paths: StationPaths,
    who: str,
    said: PersonRole,
    scopes: Sequence[HoldScope],
    hold_id: str | None,
) -> PersonRole:
    """As whom `who`, who says `said`, releases any held parts: looked up where some are suspect.

    Raises RightsError if some are and `who` is not of quality, StoreError.
    """
    if not scopes and hold_id is None:
        return said  # nothing is named, which is refused
    with open_log(paths) as log:
        is_suspect = CAUSE in causes_of_held(log, scopes, hold_id)
    return _of_quality(paths, who) if is_suspect else said


def release_parts(
    paths: StationPaths, hold_id: str, parts: Sequence[str], by: Attribution
) -> WrittenHold:
    """Release these parts of a suspect hold. Raises RightsError unless `by` is of quality,
    UsageError for a part that is not of it, StoreError.
    """
    role = _of_quality(paths, by.by)
    with PublishedLog(paths.published) as published:
        log = published.cursor()
        known = set(_held_parts(log, _entries(log, hold_id), parts))
    if foreign := [part for part in parts if part not in known]:
        raise UsageError(
            f"part {foreign[0]} is not of the hold {hold_id}", hint=f"qc-edge hold {paths.name}"
        )
    request = ReleaseRequest(of_parts(parts), by.by, by.reason, CAUSE, role, hold_id)
    return release(paths, request)


def release_reinspected(
    paths: StationPaths, hold_id: str, by: Attribution
) -> tuple[WrittenHold, list[str]]:
    """Release those parts of a suspect hold that came again after it and were accepted the last
    time, and which they are. Raises as `release_parts`.
    """
    role = _of_quality(paths, by.by)
    with PublishedLog(paths.published) as published:
        log = published.cursor()
        entries = _entries(log, hold_id)
        held_at: datetime = min(entry["recorded_at"] for entry in entries)
        again = _accepted_since(log, aware(held_at))
        parts = sorted(_held_parts(log, entries, again))
    if not parts:
        raise UsageError(
            f"no part of the hold {hold_id} has been judged again and accepted since",
            hint="put the parts through the line again, each with its own id",
        )
    request = ReleaseRequest(of_parts(parts), by.by, by.reason, CAUSE, role, hold_id)
    return release(paths, request), parts


def _of_quality(paths: StationPaths, who: str) -> PersonRole:
    return checked_role(paths, who, (PersonRole.QUALITY,), "release suspect parts")


def _entries(log: PublishedCursor, hold_id: str) -> list[dict[str, Any]]:
    names = ("recorded_at", "frame_id", "since", "until")
    relation = log.relation("holds")
    rows = (
        log.fetch(
            f"SELECT {', '.join(names)} FROM {relation} WHERE action = 'hold' "
            "AND hold_id = $hold AND cause = $cause",
            {"hold": hold_id, "cause": CAUSE},
        )
        if relation
        else []
    )
    if not rows:
        raise UsageError(
            f"{hold_id!r:.40} is no hold of suspect parts", hint="qc-edge hold NAME lists them"
        )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _held_parts(
    log: PublishedCursor, entries: Sequence[dict[str, Any]], parts: Sequence[str]
) -> list[str]:
    """Those of `parts` that the entries of a hold are about."""
    relation = log.relation("inspections", columns=("part_id", "frame_id", "captured_at"))
    frames = [entry["frame_id"] for entry in entries if entry["frame_id"]]
    times = [entry for entry in entries if entry["since"]]
    rows = log.fetch(
        f"SELECT DISTINCT part_id FROM {relation} WHERE part_id IN (SELECT unnest($parts)) AND "
        "(frame_id IN (SELECT unnest($frames::VARCHAR[])) "
        "OR (captured_at >= $since AND captured_at < $until))",
        {
            "parts": list(parts),
            "frames": frames,
            "since": min((each["since"] for each in times), default=datetime(2200, 1, 1)),  # noqa: DTZ001
            "until": max((each["until"] for each in times), default=datetime(2200, 1, 1)),  # noqa: DTZ001
        },
    )
    return [part for (part,) in rows]


def _accepted_since(log: PublishedCursor, since: datetime) -> list[str]:
    after = RowsOfTime(log, Span(since=since))
    told = TOLD.format(parts=after.rows(Part.TABLE), frames=after.rows(Inspection.TABLE))
    # Exposed since, too: what was under way when the hold came was not judged again.
    rows = log.fetch(
        f"SELECT part_id FROM ({told}) WHERE captured_at >= $since::TIMESTAMP GROUP BY part_id "
        "HAVING arg_max(disposition, recorded_at) = 'ACCEPT'",
        {"since": since.replace(tzinfo=None).isoformat()},
    )
    return [part for (part,) in rows]
