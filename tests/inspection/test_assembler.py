"""Frames find their part by time or by id, whatever the cameras and the disk do to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.rules import ExpectedView, PartRules, SeenView
from qc_edge.domain.verdict import Disposition, Verdict
from qc_edge.inspection.parts.assembler import PartAssembler, Place
from qc_edge.inspection.parts.open_part import JudgedFrame, OpenPart, Sighting
from qc_edge.inspection.parts.part_row import decide

MS = 1_000_000
AT = datetime(2026, 11, 28, 6, tzinfo=timezone.utc)
VIEWS = ("above", "beside", "below")
BY_TIME = PartRules(by_trigger=True, window_ms=40.0, wait_ms=80.0)
BY_ID = PartRules(window_ms=40.0, wait_ms=80.0)
INTERVAL_MS = 100


@dataclass
class Line:
    """An assembler with a clock that the test sets, and what became of every frame."""

    rules: PartRules
    views: Sequence[str] = VIEWS[:2]
    assembler: PartAssembler = field(default_factory=PartAssembler)
    places: dict[str, Place] = field(default_factory=dict)
    closed: list[OpenPart] = field(default_factory=list)
    _counter: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def expected(self) -> tuple[ExpectedView, ...]:
        return tuple(map(ExpectedView, self.views))

    def take(self, sighting: Sighting, now_ms: float, verdict: Verdict = Verdict.PASS) -> Place:
        """A frame is placed and inspected, as in one batch."""
        place = self.assembler.place(
            sighting, self.rules, self.expected, lambda: str(next(self._counter))
        )
        self.places[sighting.frame_id] = place
        seen = SeenView(sighting.view, verdict, "score")
        if not place.is_late:
            judged = JudgedFrame(seen, AT, is_age_known=True, deadline_ms=1000.0)
            self.assembler.add(place.attempt_id, sighting.frame_id, judged)
        self.pass_time(now_ms)
        return place

    def pass_time(self, now_ms: float, *, backlog_is_over: bool = True) -> None:
        """The inspector looks which parts are due."""
        due = self.assembler.close(int(now_ms * MS), backlog_is_over=backlog_is_over)
        self.closed += due
        self.assembler.commit()

    def told(self) -> list[Disposition]:
        """The disposition of each part that was closed, in that order."""
        rows = [decide(part, AT, part.first_ns, "line1", 1).row for part in self.closed]
        return [row.disposition for row in rows]


def frame(
    view: str, at_ms: float, number: int | None = None, part_id: str | None = None
) -> Sighting:
    name = FrameId(f"{view}@{at_ms:g}#{number}")
    return Sighting(name, view, int(at_ms * MS), part_id=part_id, number=number)


def test_views_of_one_part_are_told_as_one_as_soon_as_the_last_is_there() -> None:
    line = Line(BY_TIME)
    line.take(frame("above", 0), 10)
    assert not line.closed
    line.take(frame("beside", 5), 20)
    assert line.told() == [Disposition.ACCEPT]
    assert not line.assembler


def test_a_view_that_does_not_come_holds_the_part_and_changes_nothing_when_it_comes() -> None:
    line = Line(BY_TIME)
    line.take(frame("above", 0, 1), 10)
    line.pass_time(79)
    assert not line.closed
    line.pass_time(80)
    assert line.told() == [Disposition.HOLD]
    late = line.take(frame("beside", 5, 1), 90)
    assert late.is_late
    assert late.attempt_id == line.closed[0].attempt_id
    assert len(line.closed) == 1
    assert not line.assembler


def test_a_view_that_need_not_come_is_waited_for_no_longer_than_it_can_be_exposed() -> None:
    line = Line(BY_TIME)
    expected = (ExpectedView("above"), ExpectedView("inside", required=False))
    place = line.assembler.place(frame("above", 0), BY_TIME, expected, lambda: "1")
    judged = JudgedFrame(SeenView("above", Verdict.PASS, "score"), AT)
    line.assembler.add(place.attempt_id, frame("above", 0).frame_id, judged)
    line.pass_time(39)
    assert not line.closed
    line.pass_time(40)
    assert line.told() == [Disposition.ACCEPT]


def test_a_missed_trigger_and_a_restarted_counter_shift_no_later_part() -> None:
    line = Line(BY_TIME)
    numbers: dict[str, list[int | None]] = {
        "above": [1, 2, 3, 4, 5, 6, 7],
        "beside": [1, 2, None, 3, 4, 1, 2],
    }
    for part in range(7):
        for view in VIEWS[:2]:
            if (number := numbers[view][part]) is not None:
                line.take(frame(view, part * 100, number), part * 100 + 10)
    line.pass_time(1000)
    accepted, held = Disposition.ACCEPT, Disposition.HOLD
    # In the order of time: the third lacks a view, at the sixth the counter has gone back.
    in_order = dict(zip([part.first_ns // MS for part in line.closed], line.told(), strict=True))
    assert [in_order[at] for at in sorted(in_order)] == [
        accepted,
        accepted,
        held,
        accepted,
        accepted,
        held,
        accepted,
    ]
    doubts = {part.first_ns // MS: part.doubts for part in line.closed if part.doubts}
    assert list(doubts) == [500]
    assert "view beside has frame number 1 after 4" in doubts[500][0]


def test_a_frame_that_was_lost_on_the_way_is_no_disagreement() -> None:
    line = Line(BY_TIME)
    for part, number in ((0, 1), (2, 3)):
        line.take(frame("above", part * 100, number), part * 100 + 10)
        if part == 0:
            line.take(frame("beside", 0, 1), 20)
            line.take(frame("beside", 100, 2), 110)
    line.take(frame("beside", 200, 3), 220)
    line.pass_time(1000)
    assert not [part for part in line.closed if part.doubts]


def test_the_same_id_again_is_a_new_attempt_and_twice_in_one_attempt_a_doubt() -> None:
    line = Line(BY_ID)
    for at in (0, 500):
        line.take(frame("above", at, part_id="A"), at + 5)
        line.take(frame("beside", at + 3, part_id="A"), at + 10)
    assert line.told() == [Disposition.ACCEPT] * 2
    line.take(frame("above", 900, part_id="B"), 905)
    line.take(frame("above", 910, part_id="B"), 915)
    line.take(frame("beside", 911, part_id="B"), 920)
    assert line.told()[2:] == [Disposition.HOLD]
    assert "view above came twice" in line.closed[2].doubts[0]


def test_a_frame_without_an_id_is_of_no_other_frames_part() -> None:
    line = Line(BY_ID)
    line.take(frame("above", 0), 5)
    line.take(frame("beside", 1), 6)
    assert line.told() == [Disposition.HOLD] * 2


def test_parts_of_a_backlog_wait_for_what_lies_behind_them_and_not_for_the_clock() -> None:
    line = Line(BY_TIME)
    for part in range(3):
        for view in VIEWS[:2]:
            sighting = replace(frame(view, part * 100), is_backlog=True)
            place = line.assembler.place(sighting, BY_TIME, line.expected, lambda: "1")
            judged = JudgedFrame(SeenView(view, Verdict.PASS, "score"), AT)
            line.assembler.add(place.attempt_id, sighting.frame_id, judged)
            line.pass_time(999_999, backlog_is_over=False)
    assert [len(part.members) for part in line.closed] == [2, 2, 2]


def test_what_the_disk_refused_is_placed_again_as_before() -> None:
    line = Line(BY_TIME)
    line.take(frame("above", 0), 10)
    line.assembler.place(frame("beside", 5), BY_TIME, line.expected, lambda: "9")
    line.assembler.discard()
    line.take(frame("beside", 5), 20)
    assert [len(part.members) for part in line.closed] == [2]


@dataclass(frozen=True)
class Trigger:
    """What a camera makes of one physical part: nothing, or a frame, that waits so long."""

    seen: bool
    lost: bool
    delay_ms: int
    jitter_ms: int
    restarted: bool


TRIGGERS = st.builds(
    Trigger,
    seen=st.sampled_from([True] * 6 + [False]),
    lost=st.sampled_from([False] * 6 + [True]),
    delay_ms=st.sampled_from([5, 10, 30, 90, 300]),
    jitter_ms=st.integers(0, 20),
    restarted=st.sampled_from([False] * 8 + [True]),
)


@pytest.mark.parametrize("by_id", [False, True], ids=["by-time", "by-id"])
@given(
    triggers=st.lists(st.tuples(TRIGGERS, TRIGGERS, TRIGGERS), min_size=1, max_size=12),
    refused=st.sets(st.integers(0, 40)),
)
def test_no_part_is_accepted_with_views_of_two_and_every_frame_is_in_one(
    by_id: bool,
    triggers: list[tuple[Trigger, ...]],
    refused: set[int],
) -> None:
    """Missed triggers, lost frames, restarted counters, late frames and a disk that refuses."""
    line = Line(BY_ID if by_id else BY_TIME, VIEWS)
    numbers = dict.fromkeys(VIEWS, 100)
    arrivals: list[tuple[float, Sighting, int]] = []
    for physical, cameras in enumerate(triggers):
        for view, trigger in zip(VIEWS, cameras, strict=True):
            if not trigger.seen:
                continue
            numbers[view] = 1 if trigger.restarted else numbers[view] + 1
            if not trigger.lost:
                at = physical * INTERVAL_MS + trigger.jitter_ms
                part_id = f"id-{physical}" if by_id else None
                sighting = frame(view, at, numbers[view], part_id)
                arrivals.append((at + trigger.delay_ms, sighting, physical))
    physical_of = {sighting.frame_id: physical for _, sighting, physical in arrivals}
    for step, (now, sighting, _) in enumerate(sorted(arrivals, key=lambda each: each[0])):
        if step in refused:
            line.assembler.place(sighting, line.rules, line.expected, lambda: "refused")
            line.assembler.discard()
        line.take(sighting, now)
    line.pass_time(1e6)

    assert not line.assembler
    members = Counter(m.sighting.frame_id for part in line.closed for m in part.members)
    late = {name for name, place in line.places.items() if place.is_late}
    assert set(members) | late == set(physical_of), "every frame is in a part, or late for one"
    assert not set(members) & late
    assert max(members.values(), default=1) == 1
    attempts = Counter(part.attempt_id for part in line.closed)
    assert max(attempts.values(), default=1) == 1, "a part has one disposition"
    for part, disposition in zip(line.closed, line.told(), strict=True):
        pieces = {physical_of[m.sighting.frame_id] for m in part.members}
        assert len(pieces) == 1, "no part has views of two"
        if disposition is Disposition.ACCEPT:
            assert part.views == set(VIEWS)
