"""An engine that takes its time to get ready: the station says so, takes nothing, and is not
stuck.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, Engine
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, EngineLostError, WorkerStuckError
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.station.audit import audit
from tests.station.harness import Running, drop, dropped, make_station, part
from tests.station.twins import by_corner

PATIENCE_S = 3.0
"""More than a busy machine keeps a worker waiting, less than five statuses take."""
WORDS = "building engine plan, expected ~40 s, 3 s so far: tuning 1/2"


class SlowLoad:
    """A loader that tells its site once, asks for `limit_s` and waits until `go` is set or nobody
    waits.
    """

    def __init__(self, limit_s: float) -> None:
        self.go = threading.Event()
        self._limit_s = limit_s

    def __call__(self, bundle: Bundle, _: EngineSettings, build_context: BuildContext) -> Engine:
        """As `load_engine`."""
        build_context.report(WORDS, self._limit_s)
        while not self.go.wait(0.02):
            if build_context.is_stopping():
                raise EngineError("the build of the engine's plan was stopped", "start again")
        return ScriptedEngine(by_corner(), bundle.golden_frames)


@contextmanager
def starting(paths: StationPaths, load: SlowLoad) -> Iterator[Running]:
    """A station that is not waited for; stopped at the end."""
    station = Running(paths.root, Dependencies(load_engine=load, patience_s=PATIENCE_S))
    try:
        station.wait_for(lambda: station.statuses, "a first status")
        yield station
    finally:
        station.stop()


def test_a_plan_that_is_being_built_is_said_and_nothing_is_taken_meanwhile(tmp_path: Path) -> None:
    paths, load = make_station(tmp_path), SlowLoad(60.0)
    for number in range(3):
        drop(paths, f"{number}.png", part(seed=number))
    with starting(paths, load) as station:
        station.wait_for_status(
            lambda status: f"not ready: {WORDS}" in status.troubles, "the words"
        )
        begun = len(station.statuses)
        station.wait_for(
            lambda: len(station.statuses) >= begun + 5, "five more statuses, beyond all patience"
        )
        assert not any(status.ready for status in station.statuses)
        assert WORDS in station.status.line()
        assert len(dropped(paths)) == 3
        load.go.set()
        station.wait_until_inspected(3)
        station.wait_for_status(lambda status: status.ready, "the next status, which is ready")
    assert len(audit(paths).inspections) == 3


def test_a_first_engine_that_loads_without_a_word_may_take_longer_than_a_frame(
    tmp_path: Path,
) -> None:
    paths, go = make_station(tmp_path), threading.Event()

    def load(bundle: Bundle, _: EngineSettings, build_context: BuildContext) -> Engine:
        while not (go.wait(0.02) or build_context.is_stopping()):
            pass
        return ScriptedEngine(by_corner(), bundle.golden_frames)

    station = Running(paths.root, Dependencies(load_engine=load, patience_s=PATIENCE_S))
    try:
        station.wait_for(lambda: len(station.statuses) >= 8, "statuses beyond twice the patience")
        assert not station.has_ended
        go.set()
        station.wait_for_status(lambda status: status.ready, "a station that is ready")
    finally:
        go.set()
        station.stop()


def test_a_build_beyond_its_limit_ends_the_process(tmp_path: Path) -> None:
    paths, load = make_station(tmp_path), SlowLoad(0.5)
    station = Running(paths.root, Dependencies(load_engine=load, patience_s=PATIENCE_S))
    assert isinstance(station.wait_until_ended(), WorkerStuckError)
    load.go.set()


def test_a_station_that_is_stopped_while_it_builds_ends_at_once(tmp_path: Path) -> None:
    paths, load = make_station(tmp_path), SlowLoad(60.0)
    with starting(paths, load) as station:
        station.wait_for_status(
            lambda status: f"not ready: {WORDS}" in status.troubles, "the words"
        )
    assert station.has_ended
    assert station.fault is None


def test_a_device_without_memory_for_the_model_ends_the_process_and_keeps_the_frames(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    drop(paths, "a.png", part())

    def out_of_memory(*_: object) -> Engine:
        raise EngineLostError(
            "no memory on the GPU: the GPU's memory is used up", "lower engine.max_batch"
        )

    station = Running(paths.root, Dependencies(load_engine=out_of_memory))
    fault = station.wait_until_ended()
    assert isinstance(fault, EngineLostError)
    assert fault.exit_code == 70
    assert len(dropped(paths)) == 1
