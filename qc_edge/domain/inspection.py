"""The rows of the log: an inspection for each frame, a gap for each loss, an event for each change,
a label for each judgement of a person, a part for each disposition of several views, a message for
each thing that an output told its line, an entry for each hold, a deletion for pictures that went,
and what challenges need.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, get_args

from qc_edge.domain.challenges.rows import ChallengeRow
from qc_edge.domain.events import Event
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.hold_entry import HoldEntry
from qc_edge.domain.frame import ExposureSource, FrameId
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Inspection:
    """One row for one frame: everything needed to reconstruct and defend its verdict.

    Units: times in UTC, `monotonic_ns` and `camera_timestamp` in ticks, `*_ms` in milliseconds,
    shares in 0..1, brightness and contrast in grey levels 0..255, paths relative to the station's
    state. schema.sql says what each column means.
    """

    TABLE: ClassVar[str] = "inspections"

    frame_id: FrameId
    recorded_at: datetime
    # the part and the exposure
    part_id: str
    part_source: str
    lot: str | None
    station: str
    camera: str
    camera_serial: str | None
    camera_frame_number: int | None
    camera_timestamp: int | None
    captured_at: datetime
    monotonic_ns: int | None
    boot_id: str | None
    clock_trusted: bool
    simulated: bool
    original_name: str | None
    pixel_format: str | None
    width: int | None
    height: int | None
    bit_depth: int | None
    exposure_us: float | None
    gain_db: float | None
    # the verdict
    verdict: Verdict
    disposition: Disposition
    reason: Reason
    detail: str
    hold_reason: HoldReason | None
    needs_review: bool
    score: float | None
    threshold: float
    review_band: float
    threshold_id: str
    # the evidence
    raw_path: str | None
    raw_sha256: str | None
    prepared_path: str | None
    prepared_sha256: str | None
    map_path: str | None
    map_sha256: str | None
    # what judged
    preprocess_id: str
    calibration_id: str
    calibration_in_date: bool
    model_name: str
    model_version: str
    model_sha256: str
    engine_backend: str
    engine_version: str
    engine_device: str
    engine_plan_sha256: str | None
    software_version: str
    settings_digest: str
    # the gates
    focus: float | None
    brightness: float | None
    contrast: float | None
    saturated_share: float | None
    black_share: float | None
    framing_score: float | None
    framing_shift_px: float | None
    # the time it took
    wait_ms: float | None
    read_ms: float | None
    gates_ms: float | None
    prepare_ms: float | None
    infer_ms: float | None
    evidence_ms: float | None
    age_ms: float | None
    # how the exposure is known
    retrieved_at: datetime | None
    exposure_source: ExposureSource | None
    # the view and the recipe
    view: str | None
    recipe: str | None
    # the classes
    class_scores: str | None
    predicted_class: str | None
    # the defect map's highest value, 0..1; of maps that were not kept, too
    map_max: float | None = None
    # the part that it is a view of
    attempt_id: FrameId | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that were triggered and never came: known-lost, `lost` of them, and why.

    `first_frame_number` and `last_frame_number` are the camera's own, where it counts them.
    """

    TABLE: ClassVar[str] = "gaps"

    gap_id: FrameId
    recorded_at: datetime
    station: str
    camera: str
    camera_serial: str | None
    noticed_at: datetime
    lost: int
    reason: str
    detail: str
    first_frame_number: int | None
    last_frame_number: int | None


@dataclass(frozen=True, slots=True)
class Label:
    """A person's judgement of the part in a frame. Never changed: a later label takes its place.

    `label` is one of `domain.label.Said`, `defect_class` what kind of defect it is; `role` and
    `source` are codes of `domain.label`, `regions` is JSON (`domain.label.regions_json`). `why` is
    the person's note.
    """

    TABLE: ClassVar[str] = "labels"

    label_id: FrameId
    recorded_at: datetime
    station: str
    frame_id: FrameId
    part_id: str
    label: str
    defect_class: str | None
    who: str
    why: str | None
    role: str | None = None
    source: str | None = None
    said_at: datetime | None = None
    regions: str | None = None
    seen_sha256: str | None = None
    took_s: float | None = None
    blind: bool | None = None
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class ShadowScore:
    """What a second bundle says of a frame that the line has been told of. It has no effect on
    that.

    `score` is None if its model failed, which `detail` tells; `dropped_before` counts the frames
    that it was not asked about since the row before, so that the line never waited.
    """

    TABLE: ClassVar[str] = "shadow_scores"

    frame_id: FrameId
    recorded_at: datetime
    station: str
    part_id: str
    camera: str
    score: float | None
    threshold: float
    verdict: str | None
    detail: str
    dropped_before: int
    infer_ms: float | None
    model_name: str
    model_version: str
    model_sha256: str
    engine_backend: str
    engine_version: str
    engine_device: str
    engine_plan_sha256: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """The row of one attempt at a part: which views were expected and seen, and what was decided.

    `attempt_id` is the id of its first frame, `frames` are those of all its views, in the order in
    which `views_seen` names them; lists are names with blanks between. `age_ms` is the time from
    the earliest exposure (`captured_at`) to the decision. schema.sql says what each column means.
    """

    TABLE: ClassVar[str] = "parts"

    attempt_id: FrameId
    recorded_at: datetime
    part_id: str
    part_source: str
    attempt: int
    lot: str | None
    station: str
    recipe: str | None
    captured_at: datetime
    views_expected: str
    views_seen: str
    views_missing: str | None
    frames: str
    rule: str
    disposition: Disposition
    reason: str
    detail: str
    score: float | None
    age_ms: float | None


_OwnRow = Inspection | Gap | Event | Label | ShadowScore | Part | ToldMessage | HoldEntry | Deletion
Row = _OwnRow | ChallengeRow

ROW_TYPES: dict[str, type[Row]] = {kind.TABLE: kind for kind in get_args(Row)}
COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(field.name for field in fields(kind)) for table, kind in ROW_TYPES.items()
}
_VALUES = {table: attrgetter(*names) for table, names in COLUMNS.items()}


def values(row: Row) -> tuple[Any, ...]:
    """The row's values, in the order of COLUMNS[row.TABLE]."""
    result: tuple[Any, ...] = _VALUES[row.TABLE](row)
    return result
