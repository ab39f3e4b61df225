"""A station with a backlog, or with a model slower than its line: live parts are told in time."""

from __future__ import annotations

import threading
from pathlib import Path

from qc_edge.engine import Prepared
from qc_edge.engine.scripted import Step
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.station.audit import audit
from tests.station.harness import GOOD, Running, drop, make_station, part, running, spool, spooled
from tests.station.twins import engine

DEADLINE_MS = 3000.0


class Slow:
    """A model that takes `seconds` for each frame."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pause = threading.Event()

    def __call__(self, _: Prepared) -> Step:
        self._pause.wait(self.seconds)
        return 0.1


def station_of(root: Path, deadline_ms: float) -> StationPaths:
    """A station whose parts are late after so long."""
    return make_station(root, station={"deadline_ms": deadline_ms})


def feed(paths: StationPaths, number: int) -> str:
    """Drop one live part; its name."""
    name = f"live{number:03}.png"
    drop(paths, name, part(GOOD, seed=number))
    return name


def keep_feeding(station: Running, paths: StationPaths, every_s: float, most: int) -> list[str]:
    """Drop a live part every so often until nothing else waits; their names."""
    names: list[str] = []
    pause = threading.Event()
    while len(names) < most and any("~" not in name for name in spooled(paths)):
        names.append(feed(paths, len(names)))
        pause.wait(every_s)
        assert not station.fault
    return names


def test_live_parts_behind_a_backlog_are_told_in_time_and_the_backlog_drains(
    tmp_path: Path,
) -> None:
    paths = station_of(tmp_path, DEADLINE_MS)
    for number in range(150):
        spool(paths, part(GOOD, seed=number), number)
    with running(paths, Dependencies(load_engine=engine(Slow(0.04)))) as station:
        first = station.wait_for_status(lambda status: status.backlog_waiting, "a backlog")
        assert first.ready
        assert "of a backlog" in first.line()
        names = keep_feeding(station, paths, 0.2, 400)
        station.wait_until_idle()
    log = audit(paths)
    assert len(names) > 10
    assert len(log.inspections) == 150 + len(names)
    held = [name for name in names if log.of(name)["disposition"] != "ACCEPT"]
    assert not held, "live parts waited behind the backlog"
    recovered = [row for row in log.inspections if row["hold_reason"] == "recovered"]
    assert len(recovered) == 150


def test_a_model_slower_than_the_line_still_tells_parts_in_time(tmp_path: Path) -> None:
    paths, slow = station_of(tmp_path, 1500.0), Slow(0.3)
    with running(paths, Dependencies(load_engine=engine(slow))) as station:
        pause = threading.Event()
        names = []
        for number in range(50):
            names.append(feed(paths, number))
            pause.wait(0.15)
        status = station.wait_for_status(lambda status: status.behind, "behind the line")
        assert status.line().startswith("behind the line: ")
        slow.seconds = 0.0
        station.wait_until_idle()
        after = feed(paths, 99)
        station.wait_until_idle()
    log = audit(paths)
    assert len(log.inspections) == 51, "each part has one row, told in time or not"
    rows = [log.of(name) for name in names]
    told = [row for row in rows[20:] if row["disposition"] == "ACCEPT"]
    assert len(told) >= 5, "parts behind those that were too late are late as well"
    assert {row["hold_reason"] for row in rows if row["disposition"] == "HOLD"} == {"late"}
    assert log.of(after)["disposition"] == "ACCEPT"


def test_a_station_that_tells_no_part_in_time_is_not_ready_until_one_is(tmp_path: Path) -> None:
    paths, slow = station_of(tmp_path, 300.0), Slow(0.4)
    with running(paths, Dependencies(load_engine=engine(slow))) as station:
        for number in range(40):
            feed(paths, number)
        status = station.wait_for_status(
            lambda status: any("no part is told in time" in text for text in status.troubles),
            "the trouble",
        )
        assert not status.ready
        assert status.line().startswith("behind the line: ")
        slow.seconds = 0.0
        station.wait_until_idle()
        feed(paths, 99)
        station.wait_for_status(lambda status: status.ready, "ready by itself")
    assert len(audit(paths).inspections) == 41
