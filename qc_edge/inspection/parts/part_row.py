"""The decision on a part whose views are in or have not come in time, and its row. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from qc_edge.domain.inspection import Part
from qc_edge.domain.parts.rules import PartReason, decide_part, missing_views
from qc_edge.domain.parts.told import ToldPart, told_of_views
from qc_edge.domain.verdict import HoldReason
from qc_edge.inspection.parts.open_part import OpenPart


@dataclass(frozen=True, slots=True)
class DecidedPart:
    """A part with its row: `part` has its frames, and since when it is as old as it is."""

    row: Part
    part: OpenPart

    @property
    def told(self) -> ToldPart:
        """What the line is told of it."""
        inspections = [frame.inspection for frame in self.part.judged]
        return told_of_views(self.row, tuple(each for each in inspections if each is not None))

    def age_ms(self) -> float:
        """Milliseconds since the earliest exposure, by the monotonic clock."""
        return (time.monotonic_ns() - self.part.first_ns) / 1e6

    @property
    def deadline_ms(self) -> float:
        """The age from which on it is late; infinite where nobody waits for it."""
        return min(frame.deadline_ms for frame in self.part.judged)

    @property
    def counts_as_latency(self) -> bool:
        """False where its age is unknown, or says nothing of the station's speed."""
        return not self.part.is_backlog and all(each.is_age_known for each in self.part.judged)


def decide(part: OpenPart, now: datetime, now_ns: int, station: str, attempt: int) -> DecidedPart:
    """The part that is closed `now` (UTC; `now_ns` is CLOCK_MONOTONIC), as its `attempt`-th."""
    judged = part.judged
    age_ms = (now_ns - part.first_ns) / 1e6
    deadline_ms = min(frame.deadline_ms for frame in judged)
    holds: dict[PartReason | HoldReason, str] = {}
    if part.recovered:
        words = "the station was interrupted while its views were coming; it was not told then"
        holds[HoldReason.RECOVERED] = words
    elif age_ms > deadline_ms and not any(
        seen.hold_reason is HoldReason.RECOVERED for seen in part.seen
    ):
        # Age counts from the earliest exposure: as long the part has been on its way.
        holds[HoldReason.LATE] = f"{age_ms:.0f} ms old, the deadline is {deadline_ms:g} ms"
    if part.doubts:
        holds[PartReason.VIEWS_DISAGREE] = "; ".join(part.doubts)
    decision = decide_part(part.rules, part.expected, part.seen, holds)
    brought = [frame for frame in judged if not frame.part_source.startswith(("counter", "none"))]
    is_age_known = all(frame.is_age_known for frame in judged)
    row = Part(
        attempt_id=part.attempt_id,
        recorded_at=now,
        part_id=part.part_id,
        part_source=(brought or judged)[0].part_source,
        attempt=attempt,
        lot=next((frame.lot for frame in judged if frame.lot is not None), None),
        station=station,
        recipe=part.recipe,
        captured_at=min(frame.captured_at for frame in judged).astimezone(timezone.utc),
        views_expected=" ".join(each.name for each in part.expected),
        views_seen=" ".join(member.sighting.view for member in part.members),
        views_missing=" ".join(missing_views(part.expected, part.seen)) or None,
        frames=" ".join(member.sighting.frame_id for member in part.members),
        rule=part.rules.text(part.expected),
        disposition=decision.disposition,
        reason=str(decision.reason),
        detail=decision.detail,
        score=decision.score,
        age_ms=round(age_ms, 3) if is_age_known else None,
    )
    return DecidedPart(row, part)
