"""A station that has run for a moment, with everything in it that an audit looks at; copied for
each test.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qc_edge.settings import StationPaths
from tests.audit import kept_station
from tests.audit.rows import judge, publish
from tests.station.harness import BAD, GOOD, NAME, NEAR, drop, make_station, part, running, spool

PARTS = 6


@pytest.fixture(scope="session")
def station_at_rest(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Six parts good, bad and near, a torn file, a frame of a camera; labels, a gap, events."""
    paths = make_station(tmp_path_factory.mktemp("audited"))
    frame = spool(paths, part(GOOD, seed=90), 1)
    with running(paths) as station:
        for number in range(PARTS):
            level = (GOOD, BAD, NEAR)[number % 3]
            drop(paths, f"part{number}.png", part(level, seed=number))
        drop(paths, "torn.png", b"\x89PNG\r\n\x1a\n12")
        station.wait_until_inspected(PARTS + 2)
    judge(paths, frame)
    publish(paths)
    return paths


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station with records of every kind; not to be changed."""
    return kept_station.make(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def paths(station_at_rest: StationPaths, tmp_path: Path) -> StationPaths:
    """That station in a place of its own."""
    shutil.copytree(station_at_rest.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)
