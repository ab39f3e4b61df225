"""A frame on its way from the spool to its row: prepared for the model, then scored.

SpooledFile (store) -> PreparedFrame -> ScoredFrame -> Inspection (domain). Holds what is known at
each station of that way; does nothing with it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from qc_edge.domain.frame import Frame, FrameId
from qc_edge.domain.verdict import HoldReason, Reason
from qc_edge.engine import Prepared
from qc_edge.intake.exposure import Exposed
from qc_edge.recipe.rules import Rules, ViewRules
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.vision.gates import GateFigures
from qc_edge.vision.image import Image


@dataclass(frozen=True, slots=True)
class FrameRefusal:
    """Why a frame must not reach the model, or has no score from it: its verdict is INVALID."""

    reason: Reason
    detail: str


@dataclass(slots=True)
class PreparedFrame:
    """A frame before the model, with the rules it is judged by from beginning to end.

    Made by a preparer thread, then read by the inspector's thread. Until the file is read, `frame`
    holds what its name tells, and `view` is that of its camera; where it cannot be read, `image`,
    `figures` and `model_input` stay None and `refusal` says why. `model_input` is uint8, H x W or
    in RGB H x W x 3, None of a refused frame. `data` are the bytes of the file. `exposed` is when
    it was exposed; until the file is read, no later than its arrival. `part_source` says where the
    part's id comes from, None without one; `sidecar_doubt` why the sidecar that lay beside it was
    not taken; `holds` are the reasons of identity to hold the part, `notes` their words.
    `vanished`: the file had left the spool. `may_be_unfinished`: another node may still be writing
    it. `times_ms` holds the milliseconds of each step so far.
    """

    file: SpooledFile
    rules: Rules
    frame: Frame
    view: ViewRules
    exposed: Exposed
    part_source: str | None = None
    data: bytes | None = None
    image: Image | None = None
    figures: GateFigures | None = None
    model_input: Prepared | None = None
    model_input_sha256: str | None = None
    refusal: FrameRefusal | None = None
    sidecar_doubt: str | None = None
    holds: list[HoldReason] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    vanished: bool = False
    may_be_unfinished: bool = False
    times_ms: dict[str, float] = field(default_factory=dict)

    def age_ms(self) -> float:
        """Milliseconds since the exposure; where that is unknown, the fewest that it can be.

        By the monotonic clock: the wall clock may have been stepped meanwhile.
        """
        return (time.monotonic_ns() - self.exposed.at_ns) / 1e6

    @property
    def deadline_ms(self) -> float:
        """The age from which on the part is late; infinite where nobody waits for it."""
        return self.rules.settings.station.deadline_ms if self.exposed.has_deadline else math.inf


@dataclass(slots=True)
class ScoredFrame:
    """A prepared frame with its part's id, the model's score and the places of its evidence.

    `score` is None where the frame was refused or the model failed on it; the reason is then in
    `prepared.refusal`. `class_scores` are those of a model with classes, `defect_class` the surest
    of those that are not good. `attempt_id` names the part that it is a view of, None where it is
    the part. Paths are relative to the station's state, and None until the evidence is durable.
    """

    prepared: PreparedFrame
    part_id: str
    part_source: str
    score: float | None = None
    attempt_id: FrameId | None = None
    raw_path: str | None = None
    prepared_path: str | None = None
    map_path: str | None = None
    map_sha256: str | None = None
    class_scores: Mapping[str, float] | None = None
    defect_class: str | None = None
    map_max: float | None = None

    def age_ms(self) -> float:
        """As `PreparedFrame.age_ms`."""
        return self.prepared.age_ms()

    def is_late(self, age_ms: float) -> bool:
        """Whether the part is held at that age: the deadline has passed."""
        return age_ms > self.prepared.deadline_ms
