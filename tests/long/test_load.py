"""The load of a bad day at full size: 60,000 files at once, 20,000 that wait, 10,000 kills.

`make test-long` runs these alone on the machine, for hours. tests/station/test_load.py does the
same in small before each merge.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.long.conftest import Keep
from tests.station.crash_points import EVERYWHERE
from tests.station.load import RANDOM_TIME, KilledStation, inspect_files

BURST, BACKLOG, KILLS = 60_000, 20_000, 10_000
KILLS_A_STATION = 50

pytestmark = [pytest.mark.long, pytest.mark.timeout(12 * 3600)]


@pytest.mark.parametrize(("name", "files"), [("backlog", BACKLOG), ("burst", BURST)])
def test_many_files_at_once_are_inspected_at_an_even_rate(
    tmp_path: Path, share: float, keep: Keep, name: str, files: int
) -> None:
    figures = inspect_files(tmp_path, round(files * share), before_the_start=name == "backlog")
    keep(name, figures)
    assert figures["last_tenth_by_first"] >= 0.8
    assert figures["last_tenth_by_first_cpu"] >= 0.8


def test_kills_at_every_point_and_at_random_times_break_no_promise(
    tmp_path: Path, share: float, keep: Keep
) -> None:
    """Half of them spread evenly over the crash points, half at random times."""
    points = kill_points(round(KILLS * share))
    begun = time.monotonic()
    stations = [
        (tmp_path / str(first), first, points[first : first + KILLS_A_STATION])
        for first in range(0, len(points), KILLS_A_STATION)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda station: killed(*station), stations))
    sums, by_point = Counter[str](), Counter[str]()
    for outcome, kills in outcomes:
        sums.update(outcome)
        by_point.update(kills)
    seconds = round(time.monotonic() - begun)
    keep("kills", {**sums, "seconds": seconds, "by_point": dict(sorted(by_point.items()))})
    assert by_point.total() == len(points)
    assert set(points) <= set(by_point), "a crash point that no station came to"


def kill_points(count: int) -> list[str]:
    """Crash points and random times in turn, in an order that is the same every time."""
    points = [
        RANDOM_TIME if number % 2 else EVERYWHERE[number // 2 % len(EVERYWHERE)]
        for number in range(count)
    ]
    random.Random(20261122).shuffle(points)
    return points


def killed(root: Path, seed: int, points: list[str]) -> tuple[Counter[str], Counter[str]]:
    """The sums of one station that was killed at these points, and its kills by point."""
    station = KilledStation(root, seed)
    for point in points:
        station.kill(point)
    sums = station.check()
    shutil.rmtree(root)
    return sums, station.kills
