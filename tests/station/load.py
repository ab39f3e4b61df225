"""Load for a station: many files at once, and kills while it works; each run checks its own log."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qc_edge.domain.parts.told import ToldPart
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from tests import forked
from tests.station.audit import audit, read_log
from tests.station.crash_points import REFUSAL, SIDECAR
from tests.station.harness import (
    GOOD,
    child_said,
    drop,
    dropped,
    encoded,
    is_idle,
    lines,
    make_station,
    part,
    running,
    spooled,
    start_child,
    wait_for,
)
from tests.station.twins import Fault, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
LEAN: dict[str, Any] = {
    "inspect": {"prepare_threads": 2, "keep_prepared": False},
    "log": {"verdicts_per_s": 0.0},
}
"""Settings that leave as little as possible to do for each file."""

RANDOM_TIME = "random time"
TORN = b"\x89PNG\r\n\x1a\nno"


def drop_many(paths: StationPaths, numbers: Iterable[int]) -> None:
    """Small files as fast as they can be made, each written in place."""
    head, body = encoded(part(GOOD), ".pgm").split(b"255\n", 1)
    for number in numbers:
        (paths.incoming / f"{number}.pgm").write_bytes(
            head + b"255\n" + number.to_bytes(4, "big") + body[4:]
        )


class Pace:
    """An output that notes when each part was announced: by the clock, and by the CPU time of the
    thread that inspects.
    """

    def __init__(self) -> None:
        self._clock: list[float] = []
        self._cpu: list[float] = []

    def announce(self, _: ToldPart) -> None:
        """One more."""
        self._clock.append(time.monotonic())
        self._cpu.append(time.thread_time())

    def close(self) -> None:
        """Nothing to close."""

    def figures(self) -> dict[str, float]:
        """Files, their rate (1/s), and how even it was: last tenth by first, after a warm-up."""
        return {
            "files": len(self._clock),
            "files_per_s": round(len(self._clock) / (self._clock[-1] - self._clock[0]), 1),
            "last_tenth_by_first": round(_evenness(self._clock), 3),
            "last_tenth_by_first_cpu": round(_evenness(self._cpu), 3),
        }


def _evenness(times: Sequence[float]) -> float:
    """The rate over the last tenth by that over the first whole tenth after a warm-up."""
    tenth = len(times) // 10
    first, last = (
        times[start + tenth - 1] - times[start] for start in (tenth // 2, len(times) - tenth)
    )
    return first / last


def inspect_files(root: Path, files: int, *, before_the_start: bool) -> dict[str, float]:
    """Drop so many files, before the start or while the station runs, and hold its log against
    them: all inspected, none twice. Returns the figures of its pace.
    """
    paths, pace = make_station(root, **LEAN), Pace()
    dropping = threading.Thread(target=drop_many, args=(paths, range(files)))
    if before_the_start:
        dropping.run()
    with running(paths, replace(dependencies(disk=Disk()), outputs=[pace])) as station:
        if not before_the_start:
            dropping.start()
        station.wait_for(
            lambda: not dropping.is_alive() and not dropped(paths), "taken over", 1800, 0.2
        )
        station.wait_for(lambda: not spooled(paths), "all inspected", 3600, 0.2)
    rows = read_log(paths).inspections
    names = {row["original_name"] for row in rows}
    figures = pace.figures()
    assert len(rows) == len(names) == figures["files"] == files
    assert spooled(paths) == dropped(paths) == []
    assert {row["verdict"] for row in rows} == {"PASS"}
    return figures


class KilledStation:
    """A station that is killed (-9) again and again under load, and must break no promise."""

    def __init__(self, root: Path, seed: int) -> None:
        self._paths = make_station(root, CAMERA)
        self._told, self._grabbed = root / "told", root / "grabbed"
        self._rng = random.Random(seed)
        self._dropped = 0
        self.kills: Counter[str] = Counter()
        """By the point at which it was."""

    def kill(self, point: str = RANDOM_TIME) -> None:
        """Start it, drop files while it works, and kill it: in that step of its twins, one of the
        first times that it comes to it, or at a random time. So is one that does not come to it.
        """
        latest = 2 if point in {*REFUSAL, *SIDECAR} else 8  # few files come by there
        faults = (Fault(point, self._rng.randint(1, latest)),) if point != RANDOM_TIME else ()
        plan = Plan(
            camera="9999f",
            rate_hz=15.0,
            announced=str(self._told),
            grabbed=str(self._grabbed),
            faults=faults,
        )
        process = start_child(self._paths, plan)
        try:
            self._work(process, 40 if faults else self._rng.randrange(5, 40))
            if faults:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            self.kills[RANDOM_TIME if process.poll() is None else point] += 1
        finally:
            process.kill()
            code = process.wait()
        assert code == -signal.SIGKILL, f"ended by itself: {code}\n{child_said(self._paths)}"

    def check(self) -> Counter[str]:
        """Let it inspect what is left, and hold its log against what its camera exposed and what
        was dropped. Returns the sums.
        """
        with running(self._paths, dependencies(Plan(announced=str(self._told)))) as station:
            station.wait_for(lambda: is_idle(self._paths), "all inspected", 1800, 0.2)
        log, exposed = audit(self._paths, self._told), len(lines(self._grabbed))
        names = [row["original_name"] for row in log.inspections if row["camera"] == "incoming"]
        assert sorted(names) == sorted(map(_name, range(self._dropped)))
        captured, kills = len(log.inspections) - len(names), self.kills.total()
        assert exposed - kills <= captured + log.lost <= exposed, (
            "at most the frame in memory is missing"
        )
        return Counter(
            kills=kills, dropped=len(names), exposed=exposed, captured=captured, lost=log.lost
        )

    def _work(self, process: forked.Process, files: int) -> None:
        """Drop so many files once it is at work, or until it is dead."""
        before, pause = len(lines(self._told)), threading.Event()

        def is_at_work() -> bool:
            return len(lines(self._told)) > before or process.poll() is not None

        wait_for(is_at_work, "it is at work")
        for _ in range(files):
            if process.poll() is not None:
                return
            number = self._dropped
            picture = TORN if number % 5 == 4 else part(seed=number)
            drop(self._paths, _name(number), picture, {"part_id": str(number)})
            self._dropped += 1
            pause.wait(self._rng.random() * 0.05)


def _name(number: int) -> str:
    return f"{number}.png"
