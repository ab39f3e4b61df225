"""What the line is told of a part: one disposition, be it one frame or several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Inspection, Part
from qc_edge.domain.verdict import Disposition, Verdict


@dataclass(frozen=True, slots=True)
class ToldPart:
    """One part, as every output gets it, once its rows are durable.

    `frame_id` is that of its first frame. `reason` is the stable code of the disposition, `detail`
    says it in words. `inspections` are those of its frames, without those of a run before; `row`
    is the row of a part that several views see, None where the one inspection is the part.
    """

    part_id: str
    frame_id: FrameId
    recorded_at: datetime
    disposition: Disposition
    reason: str
    detail: str
    inspections: tuple[Inspection, ...]
    row: Part | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its views: FAIL, INVALID, PASS; INVALID where none is known."""
        verdicts = {inspection.verdict for inspection in self.inspections}
        for verdict in (Verdict.FAIL, Verdict.INVALID, Verdict.PASS):
            if verdict in verdicts:
                return verdict
        return Verdict.INVALID


def told_alone(inspection: Inspection) -> ToldPart:
    """The part of a frame that is all that there is of it."""
    return ToldPart(
        inspection.part_id,
        inspection.frame_id,
        inspection.recorded_at,
        inspection.disposition,
        inspection.hold_reason or inspection.reason,
        inspection.detail,
        (inspection,),
    )


def told_of_views(row: Part, inspections: tuple[Inspection, ...]) -> ToldPart:
    """The part of several views, by its row."""
    return ToldPart(
        row.part_id,
        row.attempt_id,
        row.recorded_at,
        row.disposition,
        row.reason,
        row.detail,
        inspections,
        row,
    )
