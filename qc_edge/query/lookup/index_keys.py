"""What the rows of a sealed day are looked up by: a part, an event's kind or frame, a lost frame's
hour. The SQL that makes an index and the values that are asked for stand side by side here.
"""

from __future__ import annotations

from datetime import datetime

from qc_edge.domain.events import EventKind
from qc_edge.query.lookup.day_index import hash_sql
from qc_edge.store.log.duck import quoted

DECIDING_KINDS = (
    "started",
    "settings",
    "threshold",
    "calibration",
    "model",
    "recipe",
    "engine",
    "software",
    "camera_opened",
)
"""Kinds of event after which the same frame may be judged differently."""

ANNOUNCEMENT_KINDS = (
    EventKind.LATE_ANNOUNCEMENT,
    EventKind.ANNOUNCEMENT_FAILED,
    EventKind.ANNOUNCEMENT_UNKNOWN,
)
"""Kinds of event that name a frame whose announcement was not simply made."""


def gap_key(camera: str, noticed_at: datetime) -> str:
    """The key of a gap: its camera and the hour (UTC) in which it was noticed."""
    return f"{camera} {noticed_at:%Y-%m-%dT%H}"


def _kinds(kinds: tuple[str, ...]) -> str:
    return ", ".join(quoted(str(kind)) for kind in kinds)


_BY_PART = "part_id", "true"
KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "inspections": (_BY_PART,),
    "parts": (_BY_PART,),
    "labels": (_BY_PART,),
    "deletions": (("frame_id", "true"),),
    "gaps": (("camera || ' ' || strftime(noticed_at, '%Y-%m-%dT%H')", "true"),),
    "events": (
        ("kind", f"kind IN ({_kinds(DECIDING_KINDS)})"),
        # The frame's id is what stands before the first colon or comma.
        (r"regexp_extract(detail, '^([^:,]+)[:,]', 1)", f"kind IN ({_kinds(ANNOUNCEMENT_KINDS)})"),
    ),
}
"""By table, the expressions of its keys, each with the condition under which a row has one."""


def entries_sql(table: str, relation: str, first_seq: int) -> str:
    """SQL for the entries of an index out of the rows of `relation`."""
    return " UNION ALL ".join(
        f"SELECT ({hash_sql(table, key)}::UBIGINT << 32) | (chain_seq - {first_seq})::UBIGINT "  # noqa: S608
        f"AS entry FROM {relation} WHERE {condition}"
        for key, condition in KEYS[table]
    )
