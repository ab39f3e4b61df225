"""A person's word that scores may have moved: from which model and engine to which, who, when,
why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """What scores come from, in the words of the log: `model` with its digest, `engine` with its
    device.
    """

    model: str
    engine: str


def score_words(model: str, sha256: str, engine: str, plan_sha256: str | None) -> ScoreSource:
    """The source of scores of NAME@VERSION by an engine (`backend version on device`)."""
    plan = f", plan {plan_sha256[:_DIGITS]}" if plan_sha256 else ""
    return ScoreSource(f"{model} sha256 {sha256}", f"{engine}{plan}")


@dataclass(frozen=True, slots=True)
class MovedScores:
    """What a station found when it re-scored stored inputs. `found` is the finding in words.

    `rows` are the worst of them: part, frame, score before and after, verdict before and after.
    """

    bundle: str
    before: ScoreSource
    after: ScoreSource
    found: str
    rows: tuple[tuple[str, str, float, float, str, str], ...]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Made once, never changed. It holds for this one change of model and engine and for no
    other.
    """

    record_id: str
    station: str
    bundle: str
    model_before: str
    engine_before: str
    model: str
    engine: str
    found: str
    made_at: datetime
    made_by: str
    reason: str

    def covers(self, before: ScoreSource, after: ScoreSource) -> bool:
        """True if this is the change that was accepted."""
        return (self.model_before, self.engine_before, self.model, self.engine) == (
            before.model,
            before.engine,
            after.model,
            after.engine,
        )
