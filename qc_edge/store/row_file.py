"""Rows on their way through the spool: a gap or an event as JSON in a file of its own.

What comes back is checked field by field. A file that is damaged is that file's trouble: a row of
the wrong types would end the station each time that it is taken up.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from qc_edge.domain.events import Event
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import COLUMNS, ROW_TYPES, Gap, values
from qc_edge.domain.verdict import Reason
from qc_edge.store.log import chain
from qc_edge.vision import UnreadableFrameError

ROW_MAX = 1 << 20
"""Bytes: a row is some hundred characters; its words are bounded by whoever wrote them."""

DAMAGED_ROW = "damaged_row"
"""Reason of the gap that stands for one whose own row cannot be read."""

_TIMES = ("recorded_at", "noticed_at")
_IS_GAP = re.compile(rb'"table"\s*:\s*"gaps"')
_LOST = re.compile(rb'"lost"\s*:\s*([1-9]\d{0,8})\s*[,}]')
_REASON = re.compile(rb'"reason"\s*:\s*"([a-z_]{1,40})"')


def encode_row(row: Gap | Event) -> bytes:
    """The row as its file holds it."""
    columns = dict(zip(COLUMNS[row.TABLE], values(row), strict=True))
    return json.dumps({"table": row.TABLE, **columns}, default=chain.json_default).encode()


def decode_row(row_id: FrameId, data: bytes, now: datetime) -> Gap | Event:
    """The gap or event with that id in `data`, recorded `now`.

    Raises UnreadableFrameError if it is none, or another's.
    """
    try:
        row = _row(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise UnreadableFrameError(Reason.UNREADABLE, f"it is no gap or event: {fault}") from fault
    if (row.gap_id if isinstance(row, Gap) else row.event_id) != row_id:
        raise UnreadableFrameError(Reason.UNREADABLE, "it is the row of another id")
    return replace(row, recorded_at=now)


def salvage_gap(row_id: FrameId, data: bytes, station: str, now: datetime) -> Gap | None:
    """A gap in place of the one whose row `data` is damaged; None if that was no gap's row.

    The count must not come out better for a damaged file: where the number is not legible, at least
    one frame was lost.
    """
    if not _IS_GAP.search(data):
        return None
    lost, reason = _LOST.search(data), _REASON.search(data)
    count = f"{lost[1].decode()} frames" if lost else "how many is not legible, at least one"
    why = reason[1].decode() if reason else "why is not legible"
    return Gap(
        gap_id=row_id,
        recorded_at=now,
        station=station,
        camera=row_id.partition("Z-")[2],
        camera_serial=None,
        noticed_at=now,
        lost=int(lost[1]) if lost else 1,
        reason=DAMAGED_ROW,
        detail=f"the row of this loss was damaged: {count}, {why}",
        first_frame_number=None,
        last_frame_number=None,
    )


def _row(columns: Any) -> Gap | Event:
    """Raises ValueError, KeyError or TypeError."""
    if not isinstance(columns, dict):
        raise TypeError(f"expected an object, found {type(columns).__name__}")
    kind = ROW_TYPES[columns["table"]]
    if kind not in (Gap, Event):
        raise ValueError(f"a row of the table {kind.TABLE}")
    # A key that this version does not know came from a newer one: the rest is still the row.
    given = {name: columns[name] for name in COLUMNS[kind.TABLE] if name in columns}
    for name in _TIMES:
        if name in given:
            given[name] = datetime.fromisoformat(given[name])
    row = kind(**given)
    assert isinstance(row, Gap | Event)  # noqa: S101
    for field in fields(row):
        value = getattr(row, field.name)
        if not _fits(str(field.type), value):
            raise ValueError(f"{field.name} is {value!r:.60}, expected {field.type}")
    if isinstance(row, Gap) and row.lost < 1:
        raise ValueError(f"{row.lost} frames lost")
    return row


def _fits(annotation: str, value: object) -> bool:
    """Whether `value` is of the field's type, and one that the log can hold."""
    kinds = {kind.strip() for kind in annotation.split("|")}
    if value is None:
        return "None" in kinds
    if isinstance(value, str):
        # JSON can write a lone surrogate and a NUL, which are no text to the log.
        is_text = "\0" not in value and value == value.encode(errors="replace").decode()
        return bool({"str", "FrameId"} & kinds) and is_text
    if isinstance(value, int) and not isinstance(value, bool):
        return "int" in kinds and -(2**63) <= value < 2**63
    return isinstance(value, datetime) and "datetime" in kinds and value.tzinfo is not None
