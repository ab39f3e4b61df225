"""What a shift's rows add up to, as values: tallies, reasons, classes, figures over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Parts by what the line was told of them last, and frames by their verdict. `key` is the
    recipe, lot or view that they are of; None: of all, or of none.
    """

    key: str | None
    parts: int
    accepted: int
    rejected: int
    held: int
    came_again: int
    accepted_at_first: int
    frames: int
    passed: int
    failed: int
    invalid: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many frames, and how many parts in the end, were not accepted for this reason."""

    reason: str
    frames: int
    parts: int


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many FAILs the model took for this class of defect, and of how many frames people say
    so. `name` is None where no class was named.
    """

    name: str | None
    by_model: int
    by_people: int


@dataclass(frozen=True, slots=True)
class FailBin:
    """A stretch of time from `begins` (aware UTC) on: how much was judged, and how much FAILed."""

    begins: datetime
    judged: int
    failed: int


@dataclass(frozen=True, slots=True)
class GateBin:
    """One figure of one view in a stretch of time: 5 % of the frames are below `low`, 5 % above
    `high`. `calibration_id` was in force at its end.
    """

    view: str
    figure: str
    begins: datetime
    calibration_id: str
    frames: int
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class LineCount:
    """What one output told its line, and whether the line's own counts fit it: None: it had them
    compared at no time.
    """

    output: str
    parts: int
    accepted: int
    rejected: int
    held: int
    unacknowledged: int
    untold: int
    ejected: int
    unconfirmed: int
    passed: int
    fits: bool | None


@dataclass(frozen=True, slots=True)
class CameraCount:
    """Whether the count of one camera's triggers closes; `closes` None: nothing counts them.

    `skipped` are the numbers that are missing in the camera's own count.
    """

    camera: str
    triggers: int
    passed: int
    failed: int
    invalid: int
    lost: int
    skipped: int | None
    closes: bool | None
