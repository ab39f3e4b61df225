"""The verdict: one pure function from a score to what the line is told."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(str, Enum):
    """What the station thinks of the part."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INVALID = "INVALID"

    __str__ = str.__str__


class Disposition(str, Enum):
    """What the line is told to do with the part."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    HOLD = "HOLD"

    __str__ = str.__str__


class Reason(str, Enum):
    """Why a verdict is what it is. The codes are stable: reports and PLC programs rely on them."""

    SCORE_BELOW_THRESHOLD = "score_below_threshold"
    SCORE_REACHES_THRESHOLD = "score_reaches_threshold"
    # the gates
    LOW_FOCUS = "low_focus"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    SATURATED = "saturated"
    BLACK = "black"
    LOW_CONTRAST = "low_contrast"
    WRONG_SIZE = "wrong_size"
    WRONG_BIT_DEPTH = "wrong_bit_depth"
    OUT_OF_FRAME = "out_of_frame"
    # the file
    EMPTY_FILE = "empty_file"
    TORN_FILE = "torn_file"
    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "too_large"
    SEVERAL_IMAGES = "several_images"
    UNREADABLE = "unreadable"
    BAD_SIDECAR = "bad_sidecar"
    REFUSED_PATH = "refused_path"
    VANISHED = "vanished"
    DIGEST_MISMATCH = "digest_mismatch"
    # the model
    ENGINE_FAILED = "engine_failed"
    BAD_SCORE = "bad_score"
    CRASHED_THE_STATION = "crashed_the_station"

    __str__ = str.__str__


class HoldReason(str, Enum):
    """Why a part with a verdict is held all the same; the most severe first.

    Of several that apply to one part, the first in this order is the one that its row names.
    """

    LATE_VIEW = "late_view"
    CHALLENGE = "challenge"
    """No production part: it was shown to prove the station, and counts nowhere else."""
    RECOVERED = "recovered"
    # its time
    IMPOSSIBLE_TIME = "impossible_time"
    UNKNOWN_AGE = "unknown_age"
    LATE = "late"
    # its identity
    NO_PART_ID = "no_part_id"
    DOUBTFUL_SIDECAR = "doubtful_sidecar"
    REPEATED_PART_ID = "repeated_part_id"
    REPEATED_FRAME = "repeated_frame"
    # what judged it
    CHALLENGE_DUE = "challenge_due"
    LEARNING = "learning"
    CALIBRATION_EXPIRED = "calibration_expired"
    PAST_DUE = "past_due"
    """Something with a date is past it, and `[due]` says that parts are held then."""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score at or above `value` FAILs; within `review_band` of it a person should look.

    `threshold_id` says where the value comes from, `value` and `review_band` are scores (0..1).
    """

    value: float
    review_band: float
    threshold_id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, what the line is told, and why, in a stable code and in words."""

    verdict: Verdict
    disposition: Disposition
    reason: Reason
    detail: str
    needs_review: bool = False
    hold_reason: HoldReason | None = None


_SEVERITY = {reason: rank for rank, reason in enumerate(HoldReason)}


def decide(score: float, threshold: Threshold, holds: Iterable[HoldReason] = ()) -> Decision:
    """The verdict on a part from its `score` (0..1, higher is worse).

    Any of `holds` holds the part whatever the score says (late, recovered); the verdict stays what
    the score says, so that a replay reproduces it. The detail names all of them, the most severe
    first. A score that is not a number in 0..1 is INVALID.
    """
    ranked = sorted(holds, key=_SEVERITY.__getitem__)
    hold = ranked[0] if ranked else None
    if not (math.isfinite(score) and 0.0 <= score <= 1.0):
        return invalid(Reason.BAD_SCORE, f"the model returned {score!r}, expected a number in 0..1")
    fails = score >= threshold.value
    verdict = Verdict.FAIL if fails else Verdict.PASS
    return Decision(
        verdict=verdict,
        disposition=(
            Disposition.HOLD if hold else (Disposition.REJECT if fails else Disposition.ACCEPT)
        ),
        reason=Reason.SCORE_REACHES_THRESHOLD if fails else Reason.SCORE_BELOW_THRESHOLD,
        detail=f"score {score:.4f} {'reaches' if fails else 'is below'} threshold "
        f"{threshold.value:g}" + (f"; held: {', '.join(ranked)}" if ranked else ""),
        needs_review=abs(score - threshold.value) <= threshold.review_band,
        hold_reason=hold,
    )


def invalid(reason: Reason, detail: str) -> Decision:
    """A frame that cannot be judged: INVALID, and the part is held for a person."""
    return Decision(Verdict.INVALID, Disposition.HOLD, reason, detail, needs_review=True)
