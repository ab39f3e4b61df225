"""Why a person should look at an inspection, and how much a look would tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qc_edge.analysis.beyond_learnt import BeyondFigure, FarPart


class ReviewReason(str, Enum):
    """The codes are stable; docs/qa.md says what each means."""

    DISPUTED = "disputed"
    SHADOW_DISAGREES = "shadow_disagrees"
    MAP_AT_ODDS = "map_at_odds"
    UNSURE = "unsure"
    DRIFT = "drift"
    NEAR_THRESHOLD = "near_threshold"
    AFTER_CHANGE = "after_change"
    AUDIT_SAMPLE = "audit_sample"
    SECOND_OPINION = "second_opinion"
    NOT_JUDGED = "not_judged"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class ReviewCause:
    """One reason, with its words; `weight` adds to the place in the queue: the more a look tells,
    the higher.
    """

    reason: ReviewReason
    weight: float
    words: str


def disputed(words: str) -> ReviewCause:
    """People differ, or somebody doubts the verdict: nobody may rely on it until it is settled."""
    return ReviewCause(ReviewReason.DISPUTED, 4.0, words)


def shadow_disagrees(
    model: str, verdict: str, score: float, line_verdict: str, line_score: float
) -> ReviewCause:
    """Two models differ: one of them learns from the answer, more where they are further apart."""
    words = f"the shadow {model} says {verdict} ({score:.3f}), the line said {line_verdict}"
    return ReviewCause(ReviewReason.SHADOW_DISAGREES, 1.5 + abs(score - line_score), words)


def unsure() -> ReviewCause:
    """Somebody has looked and left it to somebody else."""
    return ReviewCause(ReviewReason.UNSURE, 1.2, "somebody has looked and was not sure")


def map_at_odds(verdict: str, map_max: float, threshold: float) -> ReviewCause:
    """The map shows what the score does not say, or the other way round."""
    words = (
        f"FAIL, though the defect map is nowhere above {map_max:.3f} (threshold {threshold:g})"
        if verdict == "FAIL"
        else f"PASS, though the defect map reaches {map_max:.3f} (threshold {threshold:g})"
    )
    return ReviewCause(ReviewReason.MAP_AT_ODDS, 1.0 + abs(map_max - threshold), words)


def drift(part: FarPart, learnt: BeyondFigure, bundle: str) -> ReviewCause:
    """The line has left what its model was trained on, and this part is of those furthest outside:
    from 0.7 at the edge of the range to 1.7 at one width of it beyond.
    """
    words = (
        f"{part.figure} {part.value:.4g} is outside {learnt.low:.4g} to {learnt.high:.4g}, where "
        f"the good parts were that {bundle} was trained on, as {learnt.outside:,} of "
        f"{learnt.of:,} accepted ones are"
    )
    return ReviewCause(ReviewReason.DRIFT, 0.7 + min(part.distance, 1.0), words)


def near_threshold(score: float, threshold: float, band: float) -> ReviewCause:
    """From 0.5 at the edge of the band to 1.5 at the threshold itself."""
    distance = abs(score - threshold)
    nearness = 1 - distance / band if band > 0 else 1.0
    side = "above" if score >= threshold else "below"
    words = f"score {score:.4f} is {distance:.4f} {side} the threshold {threshold:g}"
    return ReviewCause(ReviewReason.NEAR_THRESHOLD, 0.5 + min(max(nearness, 0.0), 1.0), words)


def after_change(number: int, kind: str, detail: str) -> ReviewCause:
    """One of the first parts that a change has judged."""
    words = f"number {number} after a change: {kind}: {detail}"[:200]
    return ReviewCause(ReviewReason.AFTER_CHANGE, 0.9, words)


def audit_sample(share: float) -> ReviewCause:
    """Drawn, and worth as much as a part half way to the threshold: or the sample is never done."""
    words = f"drawn at random from what PASSed ({share:.3%})"
    return ReviewCause(ReviewReason.AUDIT_SAMPLE, 1.0, words)


def second_opinion() -> ReviewCause:
    """Whether people agree. Says nothing of the first label: the second is given blind."""
    words = "somebody has labelled it; you are asked without seeing how"
    return ReviewCause(ReviewReason.SECOND_OPINION, 0.7, words)


def not_judged(code: str) -> ReviewCause:
    """The model never saw it."""
    return ReviewCause(ReviewReason.NOT_JUDGED, 0.3, f"INVALID: {code}")
