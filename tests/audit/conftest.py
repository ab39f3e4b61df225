"""A station that has run for a moment, with everything in it that an audit looks at; copied for
each test.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.settings import StationPaths
from tests.audit import kept_station
from tests.audit.rows import judge, publish
from tests.station.harness import BAD, GOOD, NAME, NEAR, drop, make_station, part, running, spool

PARTS = 6


def made_once(
    name: str, make: Callable[[Path], object], factory: pytest.TempPathFactory, worker: str
) -> StationPaths:
    """The station that `make` makes: by the first worker that wants it, for all of them."""
    if worker == "master":  # no workers: this process is alone
        root = factory.mktemp(name)
        make(root)
        return StationPaths(root, NAME)
    shared = factory.getbasetemp().parent
    root, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            make(root)
            made.touch()
    return StationPaths(root, NAME)


@pytest.fixture(scope="session")
def station_at_rest(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> StationPaths:
    """Six parts good, bad and near, a torn file, a frame of a camera; labels, a gap, events. Not to
    be changed.
    """
    return made_once("audited", _make_audited, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> StationPaths:
    """A station with records of every kind; not to be changed."""
    return made_once("kept", kept_station.make, tmp_path_factory, worker_id)


def _make_audited(root: Path) -> None:
    paths = make_station(root)
    frame = spool(paths, part(GOOD, seed=90), 1)
    with running(paths) as station:
        for number in range(PARTS):
            level = (GOOD, BAD, NEAR)[number % 3]
            drop(paths, f"part{number}.png", part(level, seed=number))
        drop(paths, "torn.png", kept_station.TORN)
        station.wait_until_inspected(PARTS + 2)
    judge(paths, frame)
    publish(paths)


@pytest.fixture
def paths(station_at_rest: StationPaths, tmp_path: Path) -> StationPaths:
    """That station in a place of its own."""
    shutil.copytree(station_at_rest.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)
