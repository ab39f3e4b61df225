"""Dates are judged by no clock that is behind what is known; a boot in the future harms nothing."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from qc_edge.domain.frame import frame_id_micros
from qc_edge.service import clock as clocks
from qc_edge.service.clock import FrameClock
from qc_edge.service.known_time import DAY, RecordedTimes

NOON = 1_795_000_000_000_000
HOUR = 3_600_000_000
FUTURE = NOON + 70 * 365 * DAY


class World:
    """A wall clock that stands where it is set (us), and whether something disciplines it."""

    def __init__(self, us: int, *, trusted: bool) -> None:
        self.us = us
        self.trusted = trusted

    def __call__(self) -> int:
        return self.us


def clock_in(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *ids: int,
    recorded: RecordedTimes,
) -> FrameClock:
    """The clock of a station whose log has these ids (us)."""
    monkeypatch.setattr(clocks, "is_synchronised", lambda: world.trusted)
    return FrameClock(
        tmp_path / "mark",
        max(ids, default=0),
        recorded=recorded,
        newest_below=lambda limit: max((us for us in ids if us < limit), default=0),
        wall_us=world,
    )


def micros(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


@pytest.mark.parametrize("back", [3 * HOUR, NOON - 20_000_000], ids=["three hours", "to 1970"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_clock_behind_the_log_judges_by_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: int, trusted: bool
) -> None:
    world = World(NOON - back, trusted=trusted)
    recorded = RecordedTimes(trusted_us=NOON, newest_us=NOON)
    clock = clock_in(world, tmp_path, monkeypatch, NOON, recorded=recorded)
    assert micros(clock.judging_now()) >= NOON
    assert "behind the newest known time" in clock.behind
    assert "behind the newest known time" in clock.trust
    news = clock.check()
    assert news is not None and "behind the newest known time" in news
    stamp = clock.stamp("top")
    assert not stamp.clock_trusted
    assert not clock.moment().trusted
    assert micros(stamp.captured_at) == pytest.approx(world.us, abs=HOUR / 60)


def test_time_goes_on_from_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(20_000_000, trusted=False)
    clock = clock_in(world, tmp_path, monkeypatch, recorded=RecordedTimes(NOON, NOON))
    before = clock.judging_now()
    began, end = time.monotonic(), time.monotonic() + 30
    while clock.judging_now() <= before:
        assert time.monotonic() < end
    assert (clock.judging_now() - before).total_seconds() <= time.monotonic() - began + 0.1


def test_a_clock_that_steps_back_while_it_runs_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(NOON, trusted=True)
    clock = clock_in(world, tmp_path, monkeypatch, recorded=RecordedTimes())
    world.us, world.trusted = NOON - 3 * HOUR, False
    said = clock.check()
    assert said is not None and "stepped by -10800" in said and "behind" in said
    assert micros(clock.judging_now()) >= NOON
    world.us, world.trusted = NOON + HOUR, True
    clock.check()
    assert clock.behind == ""
    assert micros(clock.judging_now()) == NOON + HOUR


def test_a_boot_in_the_future_is_forgotten_under_a_trusted_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(NOON, trusted=True)
    recorded = RecordedTimes(trusted_us=NOON - HOUR, newest_us=FUTURE)
    clock = clock_in(world, tmp_path, monkeypatch, NOON - HOUR, FUTURE, recorded=recorded)
    news = clock.check()
    assert news is not None and "was wrong" in news and "true again" in news
    stamps = [clock.stamp("top") for _ in range(3)]
    assert all(stamp.clock_trusted for stamp in stamps)
    assert abs(frame_id_micros(stamps[0].frame_id) - NOON) < HOUR
    assert len({stamp.frame_id for stamp in stamps}) == 3
    assert clock.behind == ""
    assert micros(clock.judging_now()) == NOON


def test_until_then_the_worst_is_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(NOON, trusted=False)
    recorded = RecordedTimes(trusted_us=NOON - HOUR, newest_us=FUTURE)
    clock = clock_in(world, tmp_path, monkeypatch, NOON - HOUR, FUTURE, recorded=recorded)
    assert micros(clock.judging_now()) >= FUTURE
    stamp = clock.stamp("top")
    assert not stamp.clock_trusted
    assert frame_id_micros(stamp.frame_id) < NOON + HOUR, (
        "ids decide nothing: they are true at once"
    )
    world.trusted = True
    said = clock.check()
    assert said is not None and "now synchronised" in said and "was wrong" in said
    assert micros(clock.judging_now()) == NOON
    assert clock.stamp("top").clock_trusted


@pytest.mark.parametrize("wall", [20_000_000, NOON - 40 * DAY], ids=["1970", "40 days back"])
def test_ids_do_not_go_back_with_a_clock_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: int
) -> None:
    world = World(wall, trusted=False)
    ids = (NOON - 60 * DAY, NOON)
    clock = clock_in(world, tmp_path, monkeypatch, *ids, recorded=RecordedTimes(NOON, NOON))
    assert frame_id_micros(clock.stamp("top").frame_id) > NOON


def test_what_a_trusted_clock_has_said_counts_however_far_ahead_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(NOON - 40 * DAY, trusted=True)
    clock = clock_in(world, tmp_path, monkeypatch, NOON, recorded=RecordedTimes(NOON, NOON))
    assert micros(clock.judging_now()) == NOON


@pytest.mark.parametrize("trusted", [True, False])
def test_a_step_forward_ends_no_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    world = World(NOON, trusted=trusted)
    clock = clock_in(world, tmp_path, monkeypatch, recorded=RecordedTimes(NOON, NOON))
    assert clock.sealing_now().date() == datetime.fromtimestamp(NOON / 1e6, timezone.utc).date()
    world.us = FUTURE
    assert clock.sealing_now().year == 2026
    clock.check()
    assert clock.sealing_now().year == 2026
    assert not clock.is_settled


def test_a_box_that_begins_in_the_future_ends_no_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(FUTURE, trusted=False)
    clock = clock_in(world, tmp_path, monkeypatch, NOON, recorded=RecordedTimes(NOON, NOON))
    assert clock.sealing_now().year == 2026


def test_a_night_off_is_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(NOON + 16 * HOUR, trusted=False)
    clock = clock_in(world, tmp_path, monkeypatch, NOON, recorded=RecordedTimes(NOON, NOON))
    assert micros(clock.sealing_now()) == world.us
