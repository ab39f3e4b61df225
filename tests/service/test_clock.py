"""Frame ids rise and never repeat, whatever the wall clock does, and say when it cannot be
trusted.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from qc_edge.domain.frame import frame_id_micros
from qc_edge.service import clock as clocks
from qc_edge.service.clock import FrameClock, Stamp

NOON = 1_795_000_000_000_000
HOUR = 3_600_000_000


class Wall:
    """A wall clock that stands where it is set (microseconds)."""

    def __init__(self, us: int = NOON) -> None:
        self.us = us

    def __call__(self) -> int:
        return self.us


@pytest.fixture(autouse=True)
def synchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with NTP."""
    monkeypatch.setattr(clocks, "is_synchronised", lambda: True)


def rising(stamps: list[Stamp]) -> bool:
    """All ids differ and sort in the order in which they were given."""
    ids = [stamp.frame_id for stamp in stamps]
    return ids == sorted(set(ids))


def test_two_frames_in_one_microsecond_have_two_ids(tmp_path: Path) -> None:
    clock = FrameClock(tmp_path / "mark", wall_us=Wall())
    stamps = [clock.stamp("top") for _ in range(1000)]
    assert rising(stamps)
    assert all(stamp.clock_trusted for stamp in stamps)


def test_ids_are_the_wall_clock_to_the_microsecond(tmp_path: Path) -> None:
    stamp = FrameClock(tmp_path / "mark", wall_us=Wall()).stamp("top")
    assert abs(frame_id_micros(stamp.frame_id) - NOON) < 1000
    assert stamp.frame_id.endswith("Z-top")


def test_a_clock_that_steps_back_is_not_trusted_and_ids_rise_all_the_same(tmp_path: Path) -> None:
    wall = Wall()
    clock = FrameClock(tmp_path / "mark", wall_us=wall)
    stamps = [clock.stamp("top")]
    wall.us -= HOUR
    stamps += [clock.stamp("top") for _ in range(5)]
    assert rising(stamps)
    assert [stamp.clock_trusted for stamp in stamps] == [True] + [False] * 5
    assert "stepped back" in clock.trust
    assert stamps[-1].captured_at.timestamp() == pytest.approx(wall.us / 1e6, abs=0.01)
    wall.us = NOON + 1
    assert clock.stamp("top").clock_trusted
    assert clock.trust == "synchronised"


def test_a_step_back_across_a_restart_is_noticed_too(tmp_path: Path) -> None:
    first = FrameClock(tmp_path / "mark", wall_us=Wall())
    before = [first.stamp("top")]
    first.keep_mark()
    clock = FrameClock(tmp_path / "mark", wall_us=Wall(NOON - HOUR))
    after = [clock.stamp("top") for _ in range(3)]
    assert rising(before + after)
    assert not any(stamp.clock_trusted for stamp in after)


def test_without_its_mark_the_clock_goes_on_above_the_log(tmp_path: Path) -> None:
    clock = FrameClock(tmp_path / "mark", floor_us=NOON, wall_us=Wall(NOON - HOUR))
    stamp = clock.stamp("top")
    assert frame_id_micros(stamp.frame_id) > NOON
    assert not stamp.clock_trusted


@pytest.mark.parametrize("damage", ["", "yesterday", "\0\0\0"])
def test_a_damaged_mark_is_no_mark(tmp_path: Path, damage: str) -> None:
    (tmp_path / "mark").write_text(damage)
    assert FrameClock(tmp_path / "mark", wall_us=Wall()).stamp("top").clock_trusted


def test_a_mark_that_cannot_be_written_stops_no_clock(tmp_path: Path) -> None:
    clock = FrameClock(tmp_path / "nowhere/mark", wall_us=Wall())
    stamps = [clock.stamp("top")]
    clock.keep_mark()
    assert rising([*stamps, clock.stamp("top")])


def test_a_stamp_never_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a frame's way; the upkeep writes the mark, synced."""
    wall = Wall()
    clock = FrameClock(tmp_path / "mark", wall_us=wall)
    for _ in range(3):
        wall.us += HOUR
        clock.stamp("top")
    assert list(tmp_path.iterdir()) == []
    clock.keep_mark()
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]
    clock.stamp("top")
    before = (tmp_path / "mark").stat().st_ino
    clock.keep_mark()  # the ids have hardly come further
    assert (tmp_path / "mark").stat().st_ino == before


def test_two_processes_may_share_a_mark(tmp_path: Path) -> None:
    walls = [Wall(), Wall()]
    pair = [FrameClock(tmp_path / "mark", wall_us=wall) for wall in walls]

    def run(clock: FrameClock, wall: Wall) -> None:
        for _ in range(200):
            wall.us += 6_000_000
            clock.stamp("top")
            clock.keep_mark()

    threads = [threading.Thread(target=run, args=each) for each in zip(pair, walls, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert int((tmp_path / "mark").read_text()) >= NOON


def test_a_step_is_said_once(tmp_path: Path) -> None:
    wall = Wall()
    clock = FrameClock(tmp_path / "mark", wall_us=wall)
    assert clock.check() is None
    wall.us -= HOUR
    said = clock.check()
    assert said is not None and said.startswith("the wall clock was stepped by -3600.0 s; ")
    assert clock.check() is None


def test_a_clock_that_loses_its_source_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FrameClock(tmp_path / "mark", wall_us=Wall())
    monkeypatch.setattr(clocks, "is_synchronised", lambda: False)
    assert clock.check() == "the wall clock is no longer synchronised"
    assert not clock.stamp("top").clock_trusted
