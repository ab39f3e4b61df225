"""What a handshake needs to know of a part, from what every output is told."""

from __future__ import annotations

from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import HoldReason
from qc_edge.output.handshake.judged import JudgedPart


def judged_part(told: ToldPart, boot: str) -> JudgedPart:
    """The part with its earliest exposure by the clock of this `boot`, where that is known."""
    times = [each.monotonic_ns if each.boot_id == boot else None for each in told.inspections]
    known = [at for at in times if at is not None]
    source = told.row.part_source if told.row else told.inspections[0].part_source
    is_counted = source.startswith(("counter", "none"))
    scores = [each.score for each in told.inspections if each.score is not None]
    classes = [each.predicted_class for each in told.inspections if each.predicted_class]
    return JudgedPart(
        part_id=told.part_id,
        frame_id=told.frame_id,
        disposition=told.disposition,
        reason=told.reason,
        exposed_ns=min(known) if known and len(known) == len(times) else None,
        is_exact=bool(told.inspections)
        and all(each.exposure_source is ExposureSource.CAMERA_CLOCK for each in told.inspections),
        is_backlog=told.reason == str(HoldReason.RECOVERED),
        brought_id=None if is_counted else told.part_id,
        score=told.row.score
        if told.row and told.row.score is not None
        else max(scores, default=None),
        defect_class=classes[0] if classes else "",
        recipe=next((each.recipe for each in told.inspections if each.recipe), ""),
    )
