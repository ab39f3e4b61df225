"""A spool that a file server keeps and that does not answer: said and waited for, by a station that
stays up; each frame has its one row in the end.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from qc_edge.domain.parts.told import ToldPart
from qc_edge.service.remote.file_server import FileServer
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.store.directories import make_directories
from tests.station.audit import audit
from tests.station.harness import Running, make_station, part, running, spool, spooled, wait_for
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
INSPECT = {"roles": ["inspect"]}


class CutServer(FileServer):
    """A file server that can be cut off: whoever works in its directory then fails, as over a soft
    mount, or waits, as over a hard one.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.is_remote = True
        self._is_there = threading.Event()
        self._is_there.set()
        self._fails = False

    def cut(self, mount: str) -> None:
        """`mount` is soft or hard."""
        self._fails = mount == "soft"
        self._is_there.clear()

    def mend(self) -> None:
        """It answers, whoever waits too."""
        self._is_there.set()

    def _reach(self) -> None:
        if self._fails and not self._is_there.is_set():
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        self._is_there.wait()


def served(paths: StationPaths, plan: Plan) -> tuple[CutServer, Dependencies]:
    """A server of that station's spool, and what a station is made of that has it."""
    server = CutServer(paths.spool)
    given = replace(dependencies(plan), serve_spool=lambda _directory: server)
    return server, given


def says_so(station: Running, for_s: int = 0) -> bool:
    """Whether the status leads with the file server, which does not answer for so long."""
    troubles = station.status.troubles
    said = re.search(r"the file server of .* does not answer for (\d+) s", "".join(troubles[:1]))
    return said is not None and int(said[1]) >= for_s


@pytest.mark.parametrize("mount", ["soft", "hard"])
def test_frames_of_a_cut_are_inspected_when_the_server_answers_again(
    tmp_path: Path, mount: str
) -> None:
    paths = make_station(tmp_path, CAMERA, station=INSPECT)
    server, given = served(paths, Plan(patience_s=2.0))
    with running(paths, given) as station:
        spool(paths, part(seed=0), 0)
        station.wait_until_inspected(1)
        server.cut(mount)
        for number in range(1, 5):
            spool(paths, part(seed=number), number)
        # Longer than a silent worker may be: none is taken for stuck.
        station.wait_for(lambda: says_so(station, for_s=6), "the server is missed")
        assert not station.status.ready
        assert len(spooled(paths)) == 4
        server.mend()
        station.wait_until_inspected(5)
        station.wait_for(lambda: station.status.ready, "ready again")
        station.wait_for(lambda: not server.trouble, "no trouble")
    log = audit(paths)
    assert [row["verdict"] for row in log.inspections] == ["PASS"] * 5
    assert len(log.events_of("spool_lost")) == len(log.events_of("spool_back")) == 1
    assert not log.events_of("announcement_unknown")


def test_a_listing_that_waited_for_the_server_does_not_delay_the_next(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA, station=INSPECT)
    elsewhere = StationPaths(tmp_path / "elsewhere", "line1")
    make_directories(elsewhere.directories())
    frame = spool(elsewhere, part(), 0)
    server, given = served(paths, Plan())
    with running(paths, given) as station:
        server.cut("hard")
        station.wait_for(lambda: says_so(station, for_s=6), "the server is missed")
        server.mend()
        station.wait_for(lambda: not says_so(station), "the server answers")
        # A link makes no event, as the work of another machine makes none.
        os.link(elsewhere.frames / f"{frame}.pgm", paths.frames / f"{frame}.pgm")
        statistics = station.station.inspector.announcer.statistics  # type: ignore[union-attr]
        station.wait_for(lambda: statistics.inspected, "it is listed", timeout_s=20)


class Cutting:
    """An output that cuts the server off when it is told of a part: behind the row, before the
    frame leaves the spool.
    """

    def __init__(self, server: CutServer) -> None:
        self.server, self.told = server, 0

    def announce(self, _: ToldPart) -> None:
        """Cut."""
        self.told += 1
        self.server.cut("soft")

    def close(self) -> None:
        """Nothing to close."""


def test_a_frame_that_cannot_leave_the_spool_is_neither_told_nor_recorded_twice(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, CAMERA, station=INSPECT)
    server, given = served(paths, Plan())
    cutting = Cutting(server)
    with running(paths, replace(given, outputs=[cutting])) as station:
        spool(paths, part(), 0)
        station.wait_for(lambda: cutting.told, "told")
        station.wait_for(lambda: says_so(station), "the server is missed")
        assert len(spooled(paths)) == 1
        server.mend()
        station.wait_for(lambda: not spooled(paths), "it has left")
    log = audit(paths)
    assert (cutting.told, len(log.inspections)) == (1, 1)
    assert not log.events_of("announcement_unknown")


@pytest.mark.parametrize("mount", ["soft", "hard"])
def test_a_station_whose_server_is_missing_at_the_start_waits_for_it(
    tmp_path: Path, mount: str
) -> None:
    paths = make_station(tmp_path, CAMERA, station=INSPECT)
    server, given = served(paths, Plan())
    server.cut(mount)
    station = Running(tmp_path, given)
    try:
        wait_for(lambda: station.statuses and says_so(station), "it says so")
        server.mend()
        station.wait_until_ready()
    finally:
        station.stop()
    assert station.fault is None


def test_a_station_that_waits_for_its_server_at_the_start_can_be_stopped(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA, station=INSPECT)
    server, given = served(paths, Plan())
    server.cut("hard")
    station = Running(tmp_path, given)
    wait_for(lambda: station.statuses and says_so(station), "it says so")
    station.stop()
    server.mend()
    assert station.fault is None


@pytest.mark.parametrize("mount", ["soft", "hard"])
def test_a_camera_counts_what_it_cannot_hand_over(tmp_path: Path, mount: str) -> None:
    paths = make_station(tmp_path, CAMERA)
    grabbed = tmp_path / "grabbed"
    server, given = served(
        paths, Plan(camera="400f", rate_hz=40.0, grabbed=str(grabbed), patience_s=2.0)
    )
    with running(paths, given) as station:
        capture = station.station.captures[0]
        station.wait_for(lambda: capture.state.spooled, "a frame")
        server.cut(mount)
        station.wait_for(lambda: says_so(station), "the server is missed")
        server.mend()
        station.wait_for(lambda: not says_so(station), "the server answers")
        station.wait_for(lambda: capture.state.triggers == 400, "all frames")
        station.wait_until_idle()
    log = audit(paths)
    assert len(log.inspections) + log.lost == len(grabbed.read_text().splitlines()) == 400
    assert {gap["reason"] for gap in log.gaps} <= {"spool_failed"}
    assert bool(log.gaps) == (mount == "soft"), "over a hard mount it waits instead"
