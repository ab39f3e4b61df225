"""The rows of challenges, made of what happened. Pure."""

from __future__ import annotations

from qc_edge.challenge.register import Register
from qc_edge.challenge.request import ChallengeRequest
from qc_edge.challenge.run import ChallengeRun, Shown
from qc_edge.domain.challenges.rows import (
    Challenge,
    ChallengeOutcome,
    ChallengePart,
    ChallengeResult,
)
from qc_edge.domain.frame import FrameId
from qc_edge.service.clock import utc_now

NO_CHALLENGE = FrameId("none")
"""The challenge of a part that was shown while none ran."""


def entry(station: str, request: ChallengeRequest, entry_id: FrameId) -> ChallengePart:
    """The row of an entry of the register."""
    part = request.entry
    assert part is not None, "a request to register has an entry"  # noqa: S101
    return ChallengePart(
        entry_id=entry_id,
        recorded_at=utc_now(),
        station=station,
        recipe=part.recipe,
        serial=part.serial,
        expected=part.expected,
        expected_class=part.expected_class,
        part_id=part.part_id,
        photograph=part.photograph,
        photograph_sha256=part.photograph_sha256,
        certified_by=part.certified_by,
        valid_until=part.valid_until,
        max_uses=part.max_uses,
        uses_before=part.uses_before,
        retired=part.retired,
        who=request.who,
        role=str(request.role),
        why=request.why,
        record_id=request.record_id,
    )


def result(station: str, run: ChallengeRun, shown: Shown, result_id: FrameId) -> ChallengeResult:
    """The row of a part that was shown."""
    told, part = shown.told, shown.part
    return ChallengeResult(
        result_id=result_id,
        recorded_at=utc_now(),
        station=station,
        challenge_id=run.challenge_id,
        recipe=run.judged_by.recipe,
        serial=part.serial,
        frame_id=told.frame_id,
        part_id=told.part_id,
        captured_at=min(each.captured_at for each in told.inspections),
        expected=part.expected,
        expected_class=part.expected_class,
        verdict=str(told.verdict),
        found_class=shown.found_class,
        score=shown.score,
        threshold=told.inspections[0].threshold,
        outcome=str(shown.outcome),
        detail=shown.detail,
        uses=part.uses + 1,
    )


def ended(
    station: str,
    run: ChallengeRun,
    register: Register,
    outcome: ChallengeOutcome,
    by: tuple[str, str | None, str | None],
) -> Challenge:
    """The row of a challenge that ended so; `by` are who, as what, and why."""
    who, role, why = by
    parts = register.set_of(run.judged_by.recipe)
    return Challenge(
        challenge_id=run.challenge_id,
        recorded_at=utc_now(),
        station=station,
        recipe=run.judged_by.recipe,
        due=run.due,
        began_at=run.began_at,
        outcome=str(outcome),
        detail=_words(run, register, outcome),
        parts=len(parts),
        missed=len(run.missed),
        in_force=run.judged_by.to_json(),
        who=who,
        role=role,
        why=why,
    )


def _words(run: ChallengeRun, register: Register, outcome: ChallengeOutcome) -> str:
    if run.missed:
        return "; ".join(each.detail for each in run.missed)
    if outcome is ChallengeOutcome.PASSED:
        return f"all {len(run.counted)} parts are what the station says: {', '.join(run.counted)}"
    missing = ", ".join(each.serial for each in run.missing(register))
    return f"not shown: {missing}" if missing else "no part is registered"
