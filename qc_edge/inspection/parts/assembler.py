"""Finds which frames are of one part: by the id that they brought, or by the time of exposure.

A state machine that is told everything, the time too: no clock, no disk, no thread. Every frame
comes into exactly one part, or comes too late for one; every part is closed exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.rules import ExpectedView, PartRules
from qc_edge.inspection.parts.frame_numbers import FrameNumbers
from qc_edge.inspection.parts.open_part import JudgedFrame, Member, OpenPart, Sighting

_REMEMBERED = 256
"""Parts that were told and may still be found to lack a view that comes late."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame belongs: the part, by the id of its first frame and by its own id.

    `is_counted`: no frame of it brought an id. `is_late`: that part was told before; the frame is
    on record, and is no view of it.
    """

    attempt_id: FrameId
    part_id: str
    is_counted: bool
    is_late: bool = False

    @classmethod
    def of(cls, part: OpenPart, *, is_late: bool = False) -> Place:
        """The place in this part."""
        brought = any(member.sighting.part_id is not None for member in part.members)
        return cls(part.attempt_id, part.part_id, not brought, is_late)


@dataclass(slots=True)
class _State:
    """The open parts in the order in which they were opened, and the last that were closed."""

    open: dict[FrameId, OpenPart] = field(default_factory=dict)
    closed: list[OpenPart] = field(default_factory=list)
    numbers: FrameNumbers = field(default_factory=FrameNumbers)
    backlog_ns: int = 0

    def copy(self) -> _State:
        return _State(dict(self.open), list(self.closed), self.numbers.copy(), self.backlog_ns)


class PartAssembler:
    """The parts whose views are coming; used by one thread.

    `place`, `add` and `close` count once `commit` is called: rows that the disk refused are judged
    again, and `discard` goes back to the last commit.
    """

    def __init__(self) -> None:
        self._kept = _State()
        self._state = _State()
        self._is_changed = False

    def __bool__(self) -> bool:
        """True while a part waits for a view."""
        return bool(self._state.open)

    def place(
        self,
        sighting: Sighting,
        rules: PartRules,
        expected: Sequence[ExpectedView],
        count: Callable[[], str],
    ) -> Place:
        """The part of a frame that goes to the model now. `count` gives the id of a new part to
        which no frame has brought one.
        """
        state, self._is_changed = self._state, True
        if sighting.is_backlog:
            state.backlog_ns = max(state.backlog_ns, sighting.exposed_ns)
        is_findable = sighting.is_dated if rules.by_trigger else sighting.part_id is not None
        if is_findable and (found := self._find(sighting)):
            part = min(found, key=lambda each: (each.distance_ns(sighting), each.attempt_id))
            if part.attempt_id not in state.open:
                return Place.of(part, is_late=True)
            for each in found if len(found) > 1 else ():
                if each.attempt_id in state.open:
                    words = f"frame {sighting.frame_id} may be of another part as well"
                    state.open[each.attempt_id] = each.doubted(words)
            return self._join(state.open[part.attempt_id], sighting)
        if is_findable and not rules.by_trigger:
            for part in state.open.values():
                if part.may_take(sighting):
                    words = f"view {sighting.view} came twice with the same id"
                    return self._join(part.doubted(words), sighting)
        part = OpenPart(
            sighting.frame_id,
            sighting.part_id or count(),
            rules,
            expected,
            (Member(sighting),),
            alone=not is_findable,
        )
        state.open[part.attempt_id] = part
        return Place.of(part)

    def add(self, attempt: FrameId, frame: FrameId, judged: JudgedFrame) -> None:
        """A frame that has its place was inspected, with this result."""
        if attempt in self._state.open:
            self._state.open[attempt] = self._state.open[attempt].with_judged(frame, judged)

    def restore(self, parts: Iterable[OpenPart]) -> None:
        """Go on with these, which were half seen when the station died or the disk refused; what
        was open before is forgotten.
        """
        self._state.open = {part.attempt_id: part for part in parts}
        self._is_changed = True
        self.commit()

    def close(self, now_ns: int, *, backlog_is_over: bool) -> list[OpenPart]:
        """The parts that are complete or have waited long enough, which are closed by this.

        `now_ns` is CLOCK_MONOTONIC. A part of the backlog waits for the frames behind it instead:
        until one is taken that was exposed later than it waits, or none is left.
        """
        state = self._state
        due = [
            part
            for part in state.open.values()
            if part.is_judged
            and (part.is_complete or self._is_due(part, now_ns, over=backlog_is_over))
        ]
        return [self._close(part) for part in due]

    def close_all(self) -> list[OpenPart]:
        """The station stops: what waits for a view waits no longer."""
        return [self._close(part) for part in list(self._state.open.values()) if part.is_judged]

    def next_due_ns(self) -> int | None:
        """When the next part of the line has waited long enough; None if none waits."""
        live = [part.due_ns for part in self._state.open.values() if not part.is_backlog]
        return min(live, default=None)

    def commit(self) -> None:
        """The rows of what was placed, added and closed are durable."""
        if self._is_changed:  # else a station without views would pay for each frame
            self._kept, self._is_changed = self._state.copy(), False

    def discard(self) -> None:
        """They are not: back to the last commit."""
        self._state, self._is_changed = self._kept.copy(), False

    def _find(self, sighting: Sighting) -> list[OpenPart]:
        """The parts, open or told, that lack this view and that the frame may be of."""
        parts = [*self._state.open.values(), *self._state.closed]
        fitting = [
            part for part in parts if sighting.view not in part.views and part.may_take(sighting)
        ]
        is_open = [part for part in fitting if part.attempt_id in self._state.open]
        # An id says itself which part it is; of one that comes again the open attempt is meant.
        return is_open if is_open and not fitting[0].rules.by_trigger else fitting

    def _join(self, part: OpenPart, sighting: Sighting) -> Place:
        brought = {
            member.sighting.part_id
            for member in (*part.members, Member(sighting))
            if member.sighting.part_id is not None
        }
        part = part.with_member(Member(sighting))
        if len(brought) == 1:
            part = part.named(*brought)
        if len(brought) > 1:
            part = part.doubted(f"its frames brought different ids: {', '.join(sorted(brought))}")
        self._state.open[part.attempt_id] = part
        return Place.of(part)

    def _is_due(self, part: OpenPart, now_ns: int, *, over: bool) -> bool:
        if part.is_backlog:
            return over or self._state.backlog_ns > part.due_ns
        return now_ns >= part.due_ns

    def _close(self, part: OpenPart) -> OpenPart:
        """Only now are the frames of the other cameras known that its numbers are held against."""
        state, self._is_changed = self._state, True
        known = [each.first_ns for each in (*state.open.values(), *state.closed)]
        for words in state.numbers.check(part, known) if part.rules.by_trigger else ():
            part = part.doubted(words)
        del state.open[part.attempt_id]
        state.closed.append(part)
        del state.closed[:-_REMEMBERED]
        return part
