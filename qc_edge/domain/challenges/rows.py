"""The rows of challenges: a part in the register, a part that was shown, and how a challenge ended.

schema.sql says what each column means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar

from qc_edge.domain.frame import FrameId


class ShownOutcome(str, Enum):
    """What became of a part that was shown. The codes stand in the rows."""

    CAUGHT = "caught"
    """The station says of it what it is."""
    MISSED = "missed"
    TWICE = "twice"
    """It was seen before in this challenge: the first look counts."""
    OTHER_RECIPE = "other_recipe"
    EXPIRED = "expired"
    WORN = "worn"
    NOT_COUNTED = "not_counted"
    """The frame proves nothing: an old one, the same picture again, or judged by other rules."""

    __str__ = str.__str__


class ChallengeOutcome(str, Enum):
    """How a challenge ended. The codes stand in the rows."""

    PASSED = "passed"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    OVERRIDDEN = "overridden"
    """A person of the role quality lets the station go on without it."""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class ChallengePart:
    """A part in the register, or a change of its entry: the newest row of a serial and recipe
    counts. `expected` is a verdict, `recipe` a name without its revision, "" without recipes.
    """

    TABLE: ClassVar[str] = "challenge_parts"

    entry_id: FrameId
    recorded_at: datetime
    station: str
    recipe: str
    serial: str
    expected: str
    expected_class: str | None
    part_id: str
    photograph: str | None
    photograph_sha256: str | None
    certified_by: str
    valid_until: datetime
    max_uses: int | None
    uses_before: int
    retired: bool
    who: str
    role: str
    why: str | None
    record_id: str


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """A challenge part that passed in front of the cameras. `score` is the highest of its views."""

    TABLE: ClassVar[str] = "challenge_results"

    result_id: FrameId
    recorded_at: datetime
    station: str
    challenge_id: str
    recipe: str
    serial: str
    frame_id: FrameId
    part_id: str
    captured_at: datetime
    expected: str
    expected_class: str | None
    verdict: str
    found_class: str | None
    score: float | None
    threshold: float
    outcome: str
    detail: str
    uses: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """How a challenge ended; one that passed proves the station. `in_force` names what judged."""

    TABLE: ClassVar[str] = "challenges"

    challenge_id: FrameId
    recorded_at: datetime
    station: str
    recipe: str
    due: str
    began_at: datetime
    outcome: str
    detail: str
    parts: int
    missed: int
    in_force: str
    who: str
    role: str | None
    why: str | None


ChallengeRow = ChallengePart | ChallengeResult | Challenge
