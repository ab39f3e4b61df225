"""Which part is of which trigger, and what is told of one that may be of several."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.output.handshake.reasons import REASON_NUMBERS
from qc_edge.output.handshake.words import Fault, accepts
from tests.output.lines import MS, RULES, Line, judged

ACCEPT, REJECT, _ = Disposition


def test_a_frame_that_may_be_of_two_triggers_holds_both() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.write(trigger=2)
    line.wait(10)
    line.tell(1, ACCEPT, is_exact=False)
    seen = []
    for _ in range(2):
        seen.append((line.words.sequence, line.words.verdict >> 12))
        line.write(acknowledge=line.words.sequence)
    assert sorted(seen) == [(1, 3), (2, 3)]


def test_a_frame_that_comes_late_is_not_taken_for_the_next_part_s() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(1000)
    line.write(acknowledge=1, trigger=2)
    line.wait(20)
    line.tell(1, ACCEPT, is_exact=False)
    assert line.words.sequence == 2
    assert line.words.reason == REASON_NUMBERS["doubtful_trigger"]
    assert not accepts(line.words, 2)


def test_after_a_lost_frame_pairing_stands_until_a_pause_of_two_deadlines() -> None:
    line = Line(replace(RULES, not_ready=Fault.PAIRING))
    line.write(trigger=1)
    line.wait(1000)
    line.write(acknowledge=1)
    for number in (2, 3):
        line.write(trigger=number)
        line.wait(20)
        assert line.words.faults & Fault.PAIRING, "a trigger that is open does not hide it"
        assert not line.ready()
        line.tell(number, ACCEPT, is_exact=False)
        assert not accepts(line.words, number)
        line.write(acknowledge=number)
    line.wait(2000)
    assert not line.words.faults & Fault.PAIRING
    assert line.ready()
    line.write(trigger=4)
    line.wait(20)
    line.tell(4, ACCEPT, is_exact=False)
    assert accepts(line.words, 4)


def test_parts_overlap_where_the_camera_says_when_it_exposed() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    one = judged(1, ACCEPT, line.now_ns)
    line.wait(10)
    line.write(trigger=2)
    line.wait(10)
    two = judged(2, REJECT, line.now_ns)
    line.machine.tell(two, line.now_ns)
    assert line.words.sequence == 2
    line.write(acknowledge=2)
    line.machine.tell(one, line.now_ns)
    assert accepts(line.words, 1)


@pytest.mark.parametrize("way_ns", [60 * MS, None])
def test_a_frame_whose_way_reaches_into_the_next_trigger_s_time_is_doubtful(
    way_ns: int | None,
) -> None:
    line = Line(replace(RULES, way_ns=way_ns))
    line.wait(100)
    line.write(trigger=1)
    line.wait(50)
    exposed_ns = line.now_ns
    line.wait(50)
    line.write(trigger=2)
    line.wait(50)
    seen_ns = exposed_ns + 60 * MS  # by a clock that knows of no way shorter than this
    line.machine.tell(judged(1, ACCEPT, seen_ns), line.now_ns)
    for _ in range(2):
        assert line.words.reason == REASON_NUMBERS["doubtful_trigger"]
        line.write(acknowledge=line.words.sequence)
    line.write(reset=2, trigger=0)
    line.wait(60)
    assert line.words.reset_done == 1, "a frame of before the reset may seem to be of after it"


def test_a_part_that_was_recovered_or_has_no_trigger_is_not_told() -> None:
    line = Line()
    line.tell(1, ACCEPT)
    line.write(trigger=1)
    line.wait(10)
    line.tell(2, ACCEPT, is_backlog=True)
    assert line.words.sequence == 0
    assert line.take_notes() == ["untold", "untold"]


def test_a_part_of_before_the_start_or_the_reset_is_not_told_where_the_station_counts() -> None:
    line = Line(replace(RULES, by_trigger=False), is_reset=False)
    line.tell(1, ACCEPT)
    line.wait(50)
    line.tell(2, ACCEPT, is_backlog=True)
    line.machine.tell(judged(3, ACCEPT, None), line.now_ns)
    early = judged(4, ACCEPT, line.now_ns - 1)
    line.write(reset=1)
    line.wait(50)
    line.machine.tell(early, line.now_ns)
    assert line.take_notes() == [*["untold"] * 3, "reset", "untold"]
    line.tell(5, ACCEPT)
    assert accepts(line.words, 1), "the numbers begin with what is told"


@pytest.mark.parametrize("way_ms", [0, 80])
def test_while_it_is_ready_no_part_is_exposed_that_counts_as_one_of_before(way_ms: int) -> None:
    line = Line(replace(RULES, by_trigger=False, way_ns=way_ms * MS), is_reset=False)
    for number in (1, 2):  # after the start, and after a reset
        waited_ms = 0
        while not line.ready():
            line.wait(1)
            waited_ms += 1
        assert waited_ms <= way_ms + 6
        exposed_ns = line.now_ns + 1
        line.wait(10)
        line.machine.tell(judged(number, ACCEPT, exposed_ns), line.now_ns)
        assert accepts(line.words, number)
        line.write(acknowledge=number, reset=line.words.reset_done + 1)
        assert not line.ready()


def test_a_time_by_another_machine_s_clock_that_is_behind_is_no_time() -> None:
    line = Line()
    line.write(trigger=1)
    line.wait(10)
    line.write(trigger=2)
    line.wait(10)
    line.machine.tell(judged(2, ACCEPT, line.now_ns - 15 * MS, is_exact=False), line.now_ns)
    assert not accepts(line.words, 1)


def test_a_camera_without_exact_times_keeps_a_reset_waiting_whatever_came_after_it() -> None:
    line = Line()
    for number, is_exact in ((1, False), (2, True)):
        line.write(trigger=number)
        line.wait(10)
        line.tell(number, ACCEPT, is_exact=is_exact)
        line.write(acknowledge=number)
    line.write(trigger=3)
    line.wait(10)
    line.tell(9, ACCEPT, is_backlog=True)
    line.write(reset=2, trigger=0)
    line.wait(100)
    assert line.words.reset_done == 1
    line.wait(2000)
    assert line.words.reset_done == 2


def test_an_old_picture_that_comes_again_takes_no_trigger_from_its_own_frame() -> None:
    line = Line(replace(RULES, way_ns=None))
    line.write(trigger=1)
    line.wait(10)
    line.tell(1, ACCEPT)
    line.write(acknowledge=1)
    line.write(trigger=2)
    line.wait(10)
    again = judged(1, Disposition.HOLD, line.now_ns - MS)
    line.machine.tell(replace(again, reason=HoldReason.REPEATED_FRAME), line.now_ns)
    line.write(acknowledge=2)
    line.write(trigger=3)
    line.wait(10)
    line.tell(2, ACCEPT)
    assert not accepts(line.words, 3), "it is the part of trigger 2"
    line.write(acknowledge=3)
    assert [note.disposition for note in line.notes + line.machine.take_notes()][-1] == "HOLD"
