"""A small file system that really fills up, again and again: held, said, resumed, and nothing
lost.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from qc_edge.capture.state import CaptureState
from qc_edge.store.durable import Disk
from tests.station.audit import audit
from tests.station.harness import (
    Running,
    drop,
    dropped,
    inspect_all,
    make_station,
    part,
    running,
    wait_for,
)
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
SIZE_MB = 48


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE_MB in memory."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        assert not (os.environ.get("CI") and os.geteuid() == 0), "CI must be able to mount a tmpfs"
        pytest.skip("mounting a small file system needs root")
    (tmp_path / "run").mkdir()
    (place / "run").symlink_to(tmp_path / "run")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take all the room that is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def has_spooled(state: CaptureState, frames: int) -> bool:
    return state.spooled >= frames


def has_lost(state: CaptureState, frames: int) -> bool:
    return state.lost >= frames


def test_a_disk_that_fills_up_again_and_again_costs_nothing_but_counted_frames(small: Path) -> None:
    paths = make_station(small, CAMERA, inspect={"prepare_threads": 2, "compress_after_s": 3600.0})
    told = small.parent / "told"
    plan = Plan(camera="9999f", rate_hz=10.0, announced=str(told))
    with running(paths, dependencies(plan, disk=Disk())) as station:
        state = station.station.captures[0].state
        for number in range(3):
            drop(paths, f"before-{number}.png", part(seed=number))
            enough = state.spooled + 3 + number % 3
            station.wait_for(partial(has_spooled, state, enough), "it works")
            ballast = fill(small)
            station.wait_for_status(
                lambda status: "HOLD: disk" in status.line(), "it says that it holds"
            )
            station.wait_for(
                partial(has_lost, state, state.lost + 3), "what finds no room is counted"
            )
            ballast.unlink()
            station.wait_for_status(lambda status: status.ready, "it goes on by itself")
            station.wait_for(lambda: not dropped(paths), "all taken")
    inspect_all(paths, dependencies(Plan(announced=str(told)), disk=Disk()))
    log = audit(paths, told)
    assert sum(row["camera"] == "incoming" for row in log.inspections) == 3
    captured = len(log.inspections) - 3
    assert state.triggers == state.spooled + state.lost
    assert (captured, log.lost) == (state.spooled, state.lost)
    assert {row["verdict"] for row in log.inspections} == {"PASS"}


def test_a_station_that_starts_on_a_full_disk_waits_for_room(small: Path) -> None:
    paths = make_station(small)
    drop(paths, "a.png", part())
    ballast = fill(small)
    station = Running(paths.root, dependencies(disk=Disk()))
    try:
        wait_for(lambda: station.fault or station.statuses, "a sign of life")
        station.wait_for_status(
            lambda status: "HOLD: disk" in status.line(), "it says that it holds"
        )
        ballast.unlink()
        station.wait_until_ready()
        station.wait_until_inspected(1)
    finally:
        station.stop()
    assert station.fault is None
    assert audit(paths).of("a.png")["verdict"] == "PASS"
