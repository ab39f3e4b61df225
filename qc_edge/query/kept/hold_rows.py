# ruff: noqa: S608 - what comes from outside is bound, the rest are names
"""Holds as SQL names them: what fits an inspection, and what is held now.

The rule itself stands in views.sql, and is taken from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cache

from qc_edge.domain.evidence.hold_entry import HoldEntry, HoldScope
from qc_edge.domain.inspection import COLUMNS, Inspection
from qc_edge.query import views
from qc_edge.query.source import LogSource
from qc_edge.query.typed_rows import aware, to_row

_SIGNS = {"frame_id": "=", "part_id": "=", "lot": "=", "camera": "=", "since": ">=", "until": "<"}
"""How the values of a scope are held against an inspection."""


def held_frames(inspections: str, holds: str) -> str:
    """The view `held` over what stands behind FROM as `inspections` and `holds`, in brackets."""
    history = _named("hold_history").replace("inspections_raw", "inspected")
    return (
        "(WITH inspected AS (SELECT frame_id, part_id, lot, camera, captured_at, "
        f"recorded_at::DATE AS date FROM {inspections}), holds AS (FROM {holds}), "
        f"hold_history AS ({history}) {_named('held')})"
    )


@dataclass(frozen=True, slots=True)
class HeldNow:
    """A hold with what it still holds; `since` in aware UTC."""

    hold_id: str
    since: datetime
    who: str
    cause: str
    why: str
    inspections: int
    parts: int

    def to_json(self) -> dict[str, object]:
        """As scripts have it."""
        return asdict(self) | {"since": self.since.isoformat()}


def held_now(log: LogSource) -> list[HeldNow]:
    """The holds that hold at least one inspection now, oldest first. Raises StoreError."""
    inspections, holds = log.relation(Inspection.TABLE), log.relation(HoldEntry.TABLE)
    if inspections is None or holds is None:
        return []
    rows = log.fetch(
        "SELECT hold_id, min(held_since), min_by(who, held_since), min_by(cause, held_since), "
        "min_by(why, held_since), count(DISTINCT frame_id), count(DISTINCT part_id) "
        f"FROM {held_frames(inspections, holds)} GROUP BY hold_id ORDER BY 2, 1"
    )
    return [HeldNow(hold_id, aware(since), *values) for hold_id, since, *values in rows]


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part of a hold that is still held; `captured_at` is its newest exposure in aware UTC."""

    part_id: str
    lot: str | None
    captured_at: datetime
    verdict: str
    score: float | None
    frame_id: str


def held_parts(log: LogSource, hold_id: str, cause: str, part: str, most: int) -> list[HeldPart]:
    """The parts that the hold of this cause still holds, those with the highest score first; with
    `part` only those whose id contains it. Raises StoreError.
    """
    inspections, holds = log.relation(Inspection.TABLE), log.relation(HoldEntry.TABLE)
    if inspections is None or holds is None:
        return []
    rows = log.fetch(
        "SELECT part_id, any_value(lot), max(captured_at), arg_max(verdict, captured_at), "
        "max(score), arg_max(seen.frame_id, captured_at) "
        f"FROM (SELECT frame_id FROM {held_frames(inspections, holds)} WHERE hold_id = $hold "
        "AND cause = $cause) "
        f"JOIN (SELECT frame_id, part_id, lot, captured_at, verdict, score FROM {inspections}) "
        "AS seen USING (frame_id) WHERE contains(part_id, $part) "
        "GROUP BY part_id ORDER BY 5 DESC NULLS FIRST, 1 LIMIT $most",
        {"hold": hold_id, "cause": cause, "part": part, "most": most},
    )
    return [HeldPart(name, lot, aware(at), *values) for name, lot, at, *values in rows]


def causes_of_held(log: LogSource, scopes: Iterable[HoldScope], hold_id: str | None) -> set[str]:
    """The causes of what is held now and fits any of `scopes` (none: everything), of the hold
    `hold_id` or, if None, of all holds. Raises StoreError.
    """
    inspections, holds = log.relation(Inspection.TABLE), log.relation(HoldEntry.TABLE)
    if inspections is None or holds is None:
        return set()
    values: dict[str, object] = {"hold": hold_id}
    fits = []
    for number, scope in enumerate(scopes):
        conditions = []
        for name, sign in _SIGNS.items():
            value = getattr(scope, name)
            if value is not None:
                column = "captured_at" if name in {"since", "until"} else f"seen.{name}"
                conditions.append(f"{column} {sign} ${name}_{number}{_cast(value)}")
                values[f"{name}_{number}"] = _plain(value)
        fits.append(f"({' AND '.join(conditions) or 'true'})")
    rows = log.fetch(
        f"SELECT DISTINCT cause FROM {held_frames(inspections, holds)} AS now JOIN "
        f"(SELECT frame_id, part_id, lot, camera, captured_at FROM {inspections}) AS seen "
        "ON seen.frame_id = now.frame_id "
        f"WHERE hold_id = coalesce($hold, hold_id) AND ({' OR '.join(fits) or 'true'})",
        values,
    )
    return {cause for (cause,) in rows}


def holds_of(log: LogSource, row: Inspection) -> list[HoldEntry]:
    """The holds and releases that fit an inspection, oldest first, and those that release a whole
    hold of it. Raises StoreError.
    """
    relation = log.relation(HoldEntry.TABLE)
    if relation is None:
        return []
    names = COLUMNS[HoldEntry.TABLE]
    found = log.fetch(
        f"SELECT {', '.join(names)} FROM {relation} "
        "WHERE (frame_id IS NULL OR frame_id = $frame) AND (part_id IS NULL OR part_id = $part) "
        "AND (lot IS NULL OR lot = $lot) AND (camera IS NULL OR camera = $camera) "
        "AND (since IS NULL OR since <= $at::TIMESTAMP) "
        "AND (until IS NULL OR until > $at::TIMESTAMP) ORDER BY chain_seq",
        {
            "frame": row.frame_id,
            "part": row.part_id,
            "lot": row.lot,
            "camera": row.camera,
            "at": row.captured_at.isoformat(),
        },
    )
    entries = [to_row(HoldEntry, dict(zip(names, values, strict=True))) for values in found]
    mine = {entry.hold_id for entry in entries if entry.action == "hold"}
    return [each for each in entries if each.action == "hold" or each.hold_id in {None, *mine}]


def in_effect(entries: Iterable[HoldEntry]) -> list[HoldEntry]:
    """Those of the entries that fit one inspection, oldest first, that hold it now."""
    held: list[HoldEntry] = []
    for entry in entries:
        if entry.action == "hold":
            held.append(entry)
        else:
            held = [each for each in held if entry.hold_id not in {None, each.hold_id}]
    return held


def _plain(value: str | datetime) -> str:
    if isinstance(value, str):
        return value
    return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat()


def _cast(value: str | datetime) -> str:
    return "" if isinstance(value, str) else "::TIMESTAMP"


@cache
def _named(view: str) -> str:
    return next(each.body for each in views.described() if each.name == view)
