"""The row of one message to the line: what it was told of a part, and what became of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from qc_edge.domain.frame import FrameId


@dataclass(frozen=True, slots=True)
class ToldMessage:
    """One output's message of one part, or the line's word that the part is out of the way.

    Times in UTC; `told_at` since when the line could read it, `ended_at` when it was acknowledged,
    confirmed or given up. `disposition` is what the line was told, which may be HOLD where the row
    of the part says otherwise. schema.sql says what each column means.
    """

    TABLE: ClassVar[str] = "told"

    told_id: FrameId
    recorded_at: datetime
    station: str
    output: str
    sequence: int | None
    frame_id: FrameId | None
    part_id: str | None
    line_part_id: str | None
    line_lot: str | None
    disposition: str | None
    reason: str | None
    reason_number: int | None
    outcome: str
    detail: str
    told_at: datetime | None
    age_ms: float | None
    ended_at: datetime
    closes: bool | None = None
