"""Bursts of files and kills at random under load: all inspected, none twice, and no slower at the
end.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.inspection import Inspection
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from tests.station.audit import audit, read_log
from tests.station.harness import (
    GOOD,
    dropped,
    encoded,
    inspect_all,
    lines,
    make_station,
    part,
    running,
    spooled,
    start_child,
    wait_for,
)
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
LEAN: dict[str, Any] = {
    "inspect": {"prepare_threads": 2, "keep_prepared": False},
    "log": {"verdicts_per_s": 0.0},
}
BURST = int(os.environ.get("QC_EDGE_BURST", "6000"))
"""Files in the largest burst; QC_EDGE_BURST=60000 for the full size (10 minutes on two cores)."""

TRIES = 3
"""Bursts that may be disturbed by what else the machine does."""

pytestmark = [pytest.mark.serial, pytest.mark.timeout(1800)]


def drop_many(paths: StationPaths, numbers: Iterable[int]) -> None:
    """Small files as fast as they can be made, each written in place."""
    head, body = encoded(part(GOOD), ".pgm").split(b"255\n", 1)
    for number in numbers:
        (paths.incoming / f"{number}.pgm").write_bytes(
            head + b"255\n" + number.to_bytes(4, "big") + body[4:]
        )


def more_than(told: Path, before: int) -> bool:
    return len(lines(told)) > before


class Pace:
    """An output that notes by the clock when each part was told (s)."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def announce(self, _: Inspection) -> None:
        """One more."""
        self.told.append(time.monotonic())

    def close(self) -> None:
        """Nothing to close."""

    def evenness(self) -> float:
        """The rate over the last tenth by that over the first, after a warm-up."""
        tenth = len(self.told) // 10
        rates = [
            tenth / (self.told[start + tenth - 1] - self.told[start])
            for start in (tenth // 2, len(self.told) - tenth)
        ]
        whole = len(self.told) / (self.told[-1] - self.told[0])
        print(
            f"\n{len(self.told)} files: {whole:.0f}/s, first tenth {rates[0]:.0f}/s, last "
            f"{rates[1]:.0f}/s"
        )
        return rates[1] / rates[0]


def check_burst(paths: StationPaths, files: int, pace: Pace) -> float:
    """All inspected, none twice; how even the rate was."""
    rows = read_log(paths).inspections
    names = [row["original_name"] for row in rows]
    assert len(names) == len(set(names)) == len(pace.told) == files
    assert spooled(paths) == dropped(paths) == []
    assert {row["verdict"] for row in rows} == {"PASS"}
    return pace.evenness()


def backlog(paths: StationPaths) -> float:
    """Dropped before the start."""
    drop_many(paths, range(BURST // 3))
    pace = Pace()
    with running(paths, replace(dependencies(disk=Disk()), outputs=[pace])) as station:
        station.wait_for(
            lambda: station.station.inspector and not dropped(paths), "taken over", 600, 0.5
        )
        station.wait_for(lambda: not spooled(paths), "all inspected", 1200, 0.5)
    return check_burst(paths, BURST // 3, pace)


def burst(paths: StationPaths) -> float:
    """Dropped while it runs."""
    pace = Pace()
    with running(paths, replace(dependencies(disk=Disk()), outputs=[pace])) as station:
        dropping = threading.Thread(target=drop_many, args=(paths, range(BURST)))
        dropping.start()
        station.wait_for(
            lambda: not dropping.is_alive() and not dropped(paths), "taken over", 600, 0.5
        )
        station.wait_for(lambda: not spooled(paths), "all inspected", 1200, 0.5)
    return check_burst(paths, BURST, pace)


@pytest.mark.parametrize("work", [backlog, burst])
def test_many_files_at_once_are_inspected_at_an_even_rate(
    tmp_path: Path, work: Callable[[StationPaths], float]
) -> None:
    """A rate that falls with what came before falls every time; one that a neighbour disturbed does
    not.
    """
    assert any(work(make_station(tmp_path / f"{n}", **LEAN)) >= 0.9 for n in range(TRIES))


def test_kills_at_random_under_load_break_no_promise(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA)
    told, grabbed = tmp_path / "told", tmp_path / "grabbed"
    rng = random.Random(20261122)
    plan = Plan(camera="9999f", rate_hz=15.0, announced=str(told), grabbed=str(grabbed))
    count, pause, exposed, rounds = 0, threading.Event(), 0, 8
    for _ in range(rounds):
        process = start_child(paths, plan)
        wait_for(partial(more_than, told, len(lines(told))), "it is at work")
        for _ in range(rng.randrange(5, 40)):
            drop_many(paths, [count])
            count += 1
            pause.wait(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    inspect_all(paths, dependencies(Plan(announced=str(told))))
    exposed = len(lines(grabbed))
    log = audit(paths, told)
    names = [row["original_name"] for row in log.inspections if row["camera"] == "incoming"]
    assert sorted(names) == sorted(f"{number}.pgm" for number in range(count))
    captured = len(log.inspections) - len(names)
    assert exposed - rounds <= captured + log.lost <= exposed, (
        "at most the frame in memory is missing"
    )
    assert not [
        row
        for row in log.inspections
        if row["hold_reason"] == "recovered" and row["disposition"] != "HOLD"
    ]


def test_files_whose_events_the_kernel_lost_are_found_all_the_same(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    told = tmp_path / "told"
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    process = start_child(paths, Plan(announced=str(told)))
    try:
        drop_many(paths, [0])
        wait_for(lambda: len(lines(told)) == 1, "it is at work")
        process.send_signal(signal.SIGSTOP)
        for number in range(queue + 1000):
            (paths.incoming / f".{number}").touch()
        drop_many(paths, range(1, 31))
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: len(lines(told)) == 31, "all inspected")
    finally:
        process.kill()
        process.wait()
    inspect_all(paths)
    assert len(audit(paths, told).inspections) == 31
