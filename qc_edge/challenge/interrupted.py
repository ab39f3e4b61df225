"""Challenges that had missed a part when the station was ended: a restart makes nothing good."""

from __future__ import annotations

from datetime import timezone

from qc_edge.domain.challenges.rows import Challenge, ChallengeOutcome
from qc_edge.domain.frame import FrameId
from qc_edge.service.clock import utc_now
from qc_edge.store.log.challenge_lookups import Values


def failed_all_the_same(station: str, row: Values) -> Challenge:
    """The row of such a challenge, from what `missed_without_end` has of it."""
    return Challenge(
        challenge_id=FrameId(row["challenge_id"]),
        recorded_at=utc_now(),
        station=station,
        recipe=row["recipe"],
        due="the station was ended before the challenge was over",
        began_at=row["began_at"].replace(tzinfo=timezone.utc),
        outcome=str(ChallengeOutcome.FAILED),
        detail=row["detail"],
        parts=row["shown"],
        missed=row["missed"],
        in_force="{}",
        who="station",
        role=None,
        why=None,
    )
