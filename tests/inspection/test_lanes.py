"""Live parts go first, the backlog behind them, and neither waits for good."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.inspection.crash_isolation import TakenFrames
from qc_edge.inspection.scoring.pace import Pace
from qc_edge.inspection.timeliness import Timeliness
from qc_edge.intake.lanes import BACKLOG_SHARE, Lane, Lanes, Turns
from qc_edge.store.spooled_file import ROW, SpooledFile

DEADLINE_MS = 1000.0
EITHER = (Lane.LIVE, Lane.BACKLOG)


def frame(number: int, *, recovered: bool = False, suffix: str = ".pgm") -> SpooledFile:
    """The frame that came `number` microseconds after the epoch."""
    name = frame_id(number, "top")
    return SpooledFile(name + suffix, name, 0, recovered)


def drain(lanes: Lanes, order: Iterable[Lane] = EITHER) -> list[SpooledFile]:
    """All that waits, as it is taken."""
    taken = []
    while (file := lanes.take(tuple(order))) is not None:
        taken.append(file)
    return taken


def test_live_files_are_taken_before_recovered_ones_each_lane_in_its_order() -> None:
    lanes = Lanes()
    old, new = [frame(n, recovered=True) for n in range(3)], [frame(n) for n in range(10, 13)]
    for pair in zip(old, new, strict=True):
        for file in pair:
            lanes.add(file)
    assert (lanes.waiting(Lane.LIVE), lanes.waiting(Lane.BACKLOG)) == (3, 3)
    assert drain(lanes) == [*new, *old]


def test_a_recovered_gap_goes_with_the_live_parts() -> None:
    lanes = Lanes()
    gap = frame(1, recovered=True, suffix=ROW)
    for file in (frame(0, recovered=True), gap):
        lanes.add(file)
    assert lanes.take(EITHER) == gap


def test_what_is_given_back_is_next_in_its_own_lane_and_in_its_order() -> None:
    lanes = Lanes()
    files = [frame(n, recovered=n < 4) for n in range(8)]
    for file in files:
        lanes.add(file)
    in_hand = [lanes.take([lane]) for lane in (Lane.BACKLOG, Lane.BACKLOG, Lane.LIVE, Lane.LIVE)]
    lanes.give_back([file for file in in_hand if file])
    assert drain(lanes) == [*files[4:], *files[:4]]


def test_what_is_set_back_goes_behind_the_backlog_and_stays_of_it_until_it_has_left() -> None:
    lanes = Lanes()
    late, old = frame(9), frame(1, recovered=True)
    lanes.add(late)
    assert lanes.take(EITHER) == late
    lanes.add(old)
    lanes.set_back(late)
    assert drain(lanes) == [old, late]
    lanes.give_back([late])
    assert lanes.take([Lane.LIVE]) is None
    lanes.forget(late)
    assert lanes.lane_of(late) is Lane.LIVE


def turns(count: int, *, live: bool, backlog: bool) -> list[Lane | None]:
    """The lanes of the next frames, each scored by itself."""
    order, taken = Turns(), []
    for _ in range(count):
        lane = order.next(live=live, backlog=backlog)
        taken.append(lane)
        if lane:
            order.served(lane, 1)
    return taken


def test_beside_a_line_that_never_pauses_the_backlog_gets_its_share_and_no_more() -> None:
    taken = turns(10 * BACKLOG_SHARE, live=True, backlog=True)
    assert taken.count(Lane.BACKLOG) == 10
    assert taken[: BACKLOG_SHARE - 1] == [Lane.LIVE] * (BACKLOG_SHARE - 1)


@pytest.mark.parametrize(
    ("live", "backlog", "lane"),
    [(True, False, Lane.LIVE), (False, True, Lane.BACKLOG), (False, False, None)],
)
def test_a_lane_that_is_alone_has_every_turn(
    *, live: bool, backlog: bool, lane: Lane | None
) -> None:
    assert set(turns(20, live=live, backlog=backlog)) == {lane}


def pace(verdict_ms: float, scoring_ms: float = 0.0, finishing_ms: float = 0.0) -> Pace:
    """After a while in which everything took as long as this."""
    made = Pace()
    for _ in range(9):
        made.scored(1, scoring_ms)
        made.finished(finishing_ms)
        made.told(verdict_ms)
    return made


def test_a_part_that_has_time_for_a_verdict_is_never_too_late() -> None:
    made = pace(300.0)
    assert not any(made.is_too_late(690.0, DEADLINE_MS) for _ in range(50))


def test_a_part_that_is_past_its_deadline_is_always_too_late() -> None:
    made = pace(1.0)
    assert all(made.is_too_late(1001.0, DEADLINE_MS) for _ in range(50))


def test_one_stall_does_not_make_the_parts_behind_it_too_late() -> None:
    made = pace(20.0)
    made.told(5000.0)
    assert not made.is_too_late(100.0, DEADLINE_MS)


def test_an_estimate_that_is_no_longer_true_is_tried_and_forgotten() -> None:
    made = pace(5000.0)
    refused = 0
    while made.is_too_late(10.0, DEADLINE_MS):
        refused += 1
        assert refused < 10, "no part is tried any more"
    assert refused
    made.told(20.0)
    assert not any(made.is_too_late(10.0, DEADLINE_MS) for _ in range(50))


def test_a_batch_takes_no_more_than_a_quarter_of_the_deadline() -> None:
    assert pace(0, scoring_ms=10.0, finishing_ms=50.0).batch_limit(256, DEADLINE_MS) == 20
    assert pace(0, scoring_ms=2000.0).batch_limit(256, DEADLINE_MS) == 1
    assert pace(0, scoring_ms=1.0).batch_limit(16, DEADLINE_MS) == 16
    assert Pace().batch_limit(16, DEADLINE_MS) == 16


def test_a_station_is_behind_for_a_while_after_a_late_part_and_lost_only_if_all_are_late() -> None:
    parts = Timeliness()
    for second in range(40):
        parts.add(in_time=second % 5 == 0, now=second)
        assert not parts.is_lost(second)
    assert parts.is_behind(40)
    assert not parts.is_behind(60)


def test_twenty_late_parts_or_ten_seconds_of_them_are_lost_until_one_is_in_time() -> None:
    fast, slow = Timeliness(), Timeliness()
    for number in range(20):
        assert not fast.is_lost(1.0)
        fast.add(in_time=False, now=number / 20)
    for second in (0, 6, 12):
        slow.add(in_time=False, now=second)
        assert slow.is_lost(second) == (second > 10)
    assert fast.is_lost(1.0)
    assert slow.is_lost(12.0)
    for parts in (fast, slow):
        parts.add(in_time=True, now=13.0)
        assert not parts.is_lost(13.0)


def test_a_line_that_pauses_because_all_parts_were_late_finds_the_station_ready_again() -> None:
    parts = Timeliness()
    for _ in range(30):
        parts.add(in_time=False, now=0.0)
    assert parts.is_lost(9.0)
    assert not parts.is_lost(11.0)
    parts.add(in_time=False, now=60.0)
    assert not parts.is_lost(60.0), "one late part after a pause is one late part"


def test_the_frames_taken_last_are_known_to_the_next_process(tmp_path: Path) -> None:
    taken = TakenFrames(tmp_path / "taken")
    assert not taken.before
    frames = [FrameId(frame_id(number, "top")) for number in range(1500)]
    for name in frames:
        taken.note(name)
    # Not closed: a process that dies closes nothing.
    assert set(frames[-500:]) <= TakenFrames(tmp_path / "taken").before < set(frames)
    taken.close()


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    taken = TakenFrames(tmp_path / "no such directory/taken")
    taken.note(FrameId(frame_id(1, "top")))
    taken.close()
    assert not taken.before
