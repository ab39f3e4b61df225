"""What is asked of the past and what it answers: which inspections, their totals, the parts that
turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """Which inspections: recorded from `since` up to but without `until` (aware UTC), of a model,
    of cameras.

    `model` is NAME@VERSION.
    """

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Inspections by stored verdict, how many another threshold turns over, and how many do not add
    up.

    `unexplained` are rows whose verdict is not what their own score and their own threshold say.
    """

    inspections: int
    failed: int
    invalid: int
    pass_to_fail: int
    fail_to_pass: int
    unexplained: int

    @property
    def passed(self) -> int:
        """PASS as stored."""
        return self.inspections - self.failed - self.invalid


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """By which model and threshold parts were judged, how many, and the last time (aware UTC)."""

    model: str
    threshold: float
    threshold_id: str
    inspections: int
    last: datetime


@dataclass(frozen=True, slots=True)
class ThresholdSpan:
    """A threshold that judged `inspections` parts, the first and the last time (aware UTC), and how
    many of its verdicts the one in question turns over.
    """

    threshold: float
    threshold_id: str
    inspections: int
    first: datetime
    last: datetime
    pass_to_fail: int
    fail_to_pass: int


@dataclass(frozen=True, slots=True)
class Flip:
    """One part judged again: `replayed` is what it would have been. `label` is the one in effect,
    `rescored` another model's score, `raw_path` its frame below the station's state directory.
    """

    frame_id: str
    part_id: str
    recorded_at: datetime
    camera: str
    score: float
    threshold: float
    verdict: str
    replayed: str
    label: str | None
    rescored: float | None = None
    raw_path: str | None = None

    @property
    def last_score(self) -> float:
        """The score that `replayed` follows from."""
        return self.score if self.rescored is None else self.rescored

    @property
    def badness(self) -> int:
        """How bad it is that this part turns over, 0 the worst: a defect that would escape, a good
        part that would be thrown away, one that would pass and nobody has looked at, one that would
        fail likewise, and at last one whose verdict becomes right.
        """
        if self.label is not None:
            becomes_right = (self.label == "defect") == (self.replayed == "FAIL")
            return 4 if becomes_right else 0 if self.label == "defect" else 1
        return 2 if self.replayed == "PASS" else 3


@dataclass(frozen=True, slots=True)
class LabelledPart:
    """A judged part that somebody has looked at."""

    frame_id: str
    score: float
    verdict: str
    is_defect: bool


@dataclass(frozen=True, slots=True)
class ShadowedPart:
    """A judged part and what the shadow said of it: None if its model failed.

    `model` and `shadow_model` are NAME@VERSION; the shadow was not shown `dropped_before` parts
    before it.
    """

    frame_id: str
    part_id: str
    recorded_at: datetime
    camera: str
    score: float
    threshold: float
    model: str
    shadow_score: float | None
    shadow_threshold: float
    shadow_model: str
    dropped_before: int
    is_defect: bool | None


@dataclass(frozen=True, slots=True)
class StoredInput:
    """An inspection whose prepared input was kept; `preprocess_id` says how it was prepared,
    `raw_path` is its frame, both where that was asked for.
    """

    frame_id: str
    part_id: str
    recorded_at: datetime
    camera: str
    score: float
    threshold: float
    verdict: str
    prepared_path: str
    prepared_sha256: str
    raw_path: str | None = None
    preprocess_id: str | None = None
