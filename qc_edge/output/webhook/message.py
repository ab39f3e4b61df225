"""What a webhook says of one part: docs/reference/webhook.md has its fields."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import Disposition
from qc_edge.store.log.part_messages import LoggedPart

FORMAT = "qc-edge.part.1"


@dataclass(frozen=True, slots=True)
class PartMessage:
    """One part. Times in UTC; `is_replayed`: from the log, some time after the line was told."""

    station: str
    part_id: str
    part_source: str
    lot: str | None
    frame_id: FrameId
    captured_at: datetime
    recorded_at: datetime
    recipe: str | None
    disposition: Disposition
    reason: str
    detail: str
    score: float | None
    is_replayed: bool = False

    @property
    def key(self) -> str:
        """The same whenever this part is told: who has seen it has the part already."""
        return f"{self.station}/{self.frame_id}"

    def body(self) -> bytes:
        """As it is sent."""
        values = asdict(self) | {
            "captured_at": _iso(self.captured_at),
            "recorded_at": _iso(self.recorded_at),
            "disposition": str(self.disposition),
        }
        return json.dumps({"format": FORMAT, "key": self.key, **values}).encode("ascii")


def message_of(told: ToldPart, station: str) -> PartMessage:
    """Of a part that the outputs are being told of."""
    first = told.inspections[0] if told.inspections else None
    scores = [each.score for each in told.inspections if each.score is not None]
    source = told.row or first
    if source is None:
        raise ValueError(f"part {told.part_id} has neither a row nor an inspection")
    return PartMessage(
        station=station,
        part_id=told.part_id,
        part_source=source.part_source,
        lot=source.lot,
        frame_id=told.frame_id,
        captured_at=source.captured_at,
        recorded_at=told.recorded_at,
        recipe=source.recipe,
        disposition=told.disposition,
        reason=told.reason,
        detail=told.detail,
        score=told.row.score if told.row else max(scores, default=None),
    )


def logged_message(part: LoggedPart, station: str) -> PartMessage:
    """Of a part that the log has."""
    return PartMessage(
        station=station,
        part_id=part.part_id,
        part_source=part.part_source,
        lot=part.lot,
        frame_id=part.frame_id,
        captured_at=part.captured_at,
        recorded_at=part.recorded_at,
        recipe=part.recipe,
        disposition=Disposition[part.disposition],
        reason=part.reason,
        detail=part.detail,
        score=part.score,
        is_replayed=True,
    )


def _iso(at: datetime) -> str:
    """In UTC, whether it came with a zone or, from the log, without."""
    aware = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
    return aware.isoformat(timespec="microseconds")
