"""Frames that wait are scored together; a frame alone waits for nobody; one that fails fails
alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Engine, Prepared, Score
from qc_edge.engine.scripted import ScriptedEngine, Step
from qc_edge.errors import EngineLostError
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.station.audit import audit
from tests.station.harness import (
    BAD,
    GOOD,
    Running,
    drop,
    inspect_all,
    make_station,
    part,
    running,
    spooled,
)
from tests.station.twins import POISON

MOST = 4


class Batching(ScriptedEngine):
    """Takes up to MOST frames at once and notes how many. The first frame is held until `go` is
    set.

    A batch fails as a whole if the corner of one of its frames has the level POISON.
    """

    def __init__(self, bundle: Bundle, fault: type[Exception] | None = None) -> None:
        super().__init__(self._by_corner, bundle.golden_frames)
        self.info = replace(self.info, max_batch=MOST)
        self.go = threading.Event()
        self.sizes: list[int] = []
        self._fault = fault

    def infer(self, prepared: Prepared) -> list[Score]:
        """Golden frames are scored and not counted."""
        if self._golden and prepared[:1].tobytes() in self._golden:
            return super().infer(prepared)
        self.sizes.append(len(prepared))
        assert self.go.wait(30)
        if self._fault and any(_is_poison(frame[None]) for frame in prepared):
            raise self._fault("the device does not answer")
        return super().infer(prepared)

    @staticmethod
    def _by_corner(prepared: Prepared) -> Step:
        return "raise" if _is_poison(prepared) else int(prepared[0, 4, 4]) / 255


def _is_poison(prepared: Prepared) -> bool:
    return abs(int(prepared[0, 4, 4]) - POISON) < 2


class Bench:
    """The one engine of a station, for the test to hold and to look at."""

    def __init__(self, fault: type[Exception] | None = None) -> None:
        self.engine: Batching | None = None
        self._fault = fault

    def load(self, bundle: Bundle, *_: object) -> Engine:
        """A station's loader."""
        self.engine = Batching(bundle, self._fault)
        return self.engine

    @property
    def loaded(self) -> Batching:
        """Once the station runs."""
        assert self.engine is not None
        return self.engine


def back_up(station: Running, bench: Bench, paths: StationPaths, levels: Sequence[int]) -> None:
    """Drop parts of these levels, all but the first while the engine holds the first; then let it
    go.
    """
    for number, level in enumerate(levels):
        drop(paths, f"{number:02}.png", part(level, number))
        station.wait_for(lambda: bench.loaded.sizes, "the first frame at the engine")
    station.wait_for_status(lambda status: status.spool_depth >= len(levels), "all frames waiting")
    bench.loaded.go.set()


def test_a_backlog_is_scored_in_batches_and_the_first_frame_waits_for_nobody(
    tmp_path: Path,
) -> None:
    paths, bench = make_station(tmp_path), Bench()
    with running(paths, Dependencies(load_engine=bench.load)) as station:
        back_up(station, bench, paths, [BAD if number % 3 == 1 else GOOD for number in range(13)])
        station.wait_until_inspected(13)
    sizes = bench.loaded.sizes
    assert sizes[0] == 1, "a frame that is alone is not kept waiting for company"
    assert sum(sizes) == 13
    assert max(sizes) <= MOST
    assert any(size > 1 for size in sizes)
    log = audit(paths)
    verdicts = [log.of(f"{number:02}.png")["verdict"] for number in range(13)]
    assert verdicts == ["FAIL" if number % 3 == 1 else "PASS" for number in range(13)]


def test_a_frame_that_fails_among_others_is_held_alone(tmp_path: Path) -> None:
    paths, bench = make_station(tmp_path), Bench()
    with running(paths, Dependencies(load_engine=bench.load)) as station:
        back_up(station, bench, paths, [POISON if number == 5 else GOOD for number in range(9)])
        station.wait_until_inspected(9)
    log = audit(paths)
    held = log.of("05.png")
    assert (held["verdict"], held["disposition"], held["reason"]) == (
        "INVALID",
        "HOLD",
        "engine_failed",
    )
    assert {log.of(f"{n:02}.png")["verdict"] for n in range(9) if n != 5} == {"PASS"}


@pytest.mark.parametrize("position", [0, 5])
def test_a_device_that_is_lost_ends_the_process_and_no_frame_is_judged_by_it(
    tmp_path: Path, position: int
) -> None:
    paths, bench = make_station(tmp_path), Bench(EngineLostError)
    station = Running(paths.root, Dependencies(load_engine=bench.load))
    station.wait_until_ready()
    back_up(station, bench, paths, [POISON if number == position else GOOD for number in range(6)])
    fault = station.wait_until_ended()
    assert isinstance(fault, EngineLostError)
    assert fault.exit_code == 70
    assert spooled(paths), "the frame that was at the device is still there"
    inspect_all(paths)
    log = audit(paths)
    assert len(log.inspections) == 6
    assert log.of(f"{position:02}.png")["verdict"] != "INVALID"
