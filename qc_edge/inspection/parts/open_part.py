"""A part while its views come: the frames that it has so far, and when it is told. Values only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.rules import ExpectedView, PartRules, SeenView

_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame, as far as it matters for finding its part.

    `exposed_ns` is CLOCK_MONOTONIC of this boot; `is_dated` is False where nobody knows when the
    frame was exposed. `part_id` is the id that it brought, `number` the camera's own frame number.
    `is_backlog`: it waited in the spool while the station was down, or was set back as too late.
    """

    frame_id: FrameId
    view: str
    exposed_ns: int
    is_dated: bool = True
    part_id: str | None = None
    number: int | None = None
    is_backlog: bool = False
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """What the inspection of a frame says, and what the part's row takes from it.

    `deadline_ms` is the age from which on its part is late, infinite where nobody waits for it.
    `is_age_known` is False for a frame that says nothing of the station's speed. `inspection` is
    None of a frame that was recorded before the station died.
    """

    seen: SeenView
    captured_at: datetime
    lot: str | None = None
    part_source: str = "counter"
    deadline_ms: float = math.inf
    is_age_known: bool = False
    inspection: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A frame of a part, and what its inspection says once there is one."""

    sighting: Sighting
    judged: JudgedFrame | None = None


@dataclass(frozen=True, slots=True)
class OpenPart:
    """One attempt at a part. `attempt_id` is the id of its first frame.

    `part_id` is the id that its frames brought, else the station's count. `alone`: no other frame
    can be found to be of this part. `doubts` say in words why it is not sure which frames are.
    `recovered`: it was half seen when the station died.
    """

    attempt_id: FrameId
    part_id: str
    rules: PartRules
    expected: Sequence[ExpectedView]
    members: tuple[Member, ...]
    alone: bool = False
    recovered: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def first_ns(self) -> int:
        """The earliest exposure of its views."""
        return min(member.sighting.exposed_ns for member in self.members)

    @property
    def views(self) -> frozenset[str]:
        """The names of the views that have come."""
        return frozenset(member.sighting.view for member in self.members)

    @property
    def recipe(self) -> str | None:
        """The recipe that its frames are judged by."""
        return self.members[0].sighting.recipe

    @property
    def is_backlog(self) -> bool:
        """True if the line does not wait for it any more."""
        return self.recovered or any(member.sighting.is_backlog for member in self.members)

    @property
    def seen(self) -> list[SeenView]:
        """What its views say, in the order in which they came."""
        return [frame.seen for frame in self.judged]

    @property
    def judged(self) -> list[JudgedFrame]:
        """Its frames that are inspected, in the order in which they came."""
        return [member.judged for member in self.members if member.judged is not None]

    @property
    def is_judged(self) -> bool:
        """True if no frame that it has is still at the model."""
        return all(member.judged is not None for member in self.members)

    @property
    def is_complete(self) -> bool:
        """True if there is nothing to wait for: every view, also those that need not come."""
        return self.alone or {each.name for each in self.expected} <= self.views

    @property
    def due_ns(self) -> int:
        """When it is told although views are missing: soon if they need not come."""
        needed = {each.name for each in self.expected if each.required}
        wait_ms = self.rules.wait_ms
        if needed <= self.views:
            wait_ms = min(wait_ms, self.rules.window_ms)
        return self.first_ns + int(wait_ms * _MS)

    def distance_ns(self, sighting: Sighting) -> int:
        """How far the frame was exposed from the first of this part."""
        return abs(sighting.exposed_ns - self.first_ns)

    def may_take(self, sighting: Sighting) -> bool:
        """True if the frame may be of this part by its id or its time; whether it has that view
        already is another question.
        """
        if self.alone or sighting.recipe != self.recipe:
            return False
        if not self.rules.by_trigger and sighting.part_id != self.part_id:
            return False
        times = [m.sighting.exposed_ns for m in self.members if m.sighting.is_dated]
        if not (sighting.is_dated and times):
            return not self.rules.by_trigger
        spread = max(*times, sighting.exposed_ns) - min(*times, sighting.exposed_ns)
        return spread <= self.rules.window_ms * _MS

    def with_member(self, member: Member) -> OpenPart:
        """The part with one more frame."""
        return replace(self, members=(*self.members, member))

    def with_judged(self, frame: FrameId, judged: JudgedFrame) -> OpenPart:
        """The part with what the inspection of one of its frames says."""
        members = tuple(
            replace(member, judged=judged) if member.sighting.frame_id == frame else member
            for member in self.members
        )
        return replace(self, members=members)

    def named(self, part_id: str) -> OpenPart:
        """The part with the id that its frames brought."""
        return replace(self, part_id=part_id)

    def doubted(self, words: str) -> OpenPart:
        """The part with one more doubt."""
        return self if words in self.doubts else replace(self, doubts=(*self.doubts, words))
