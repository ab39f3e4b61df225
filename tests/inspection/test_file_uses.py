"""Which files are being written, by what a real watch of a directory tells."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.intake.file_uses import FileUses
from qc_edge.intake.watch import DirectoryWatch
from tests.station.harness import wait_for


class Watched:
    """A watched directory and the names that were reported as finished."""

    def __init__(self, directory: Path) -> None:
        self.uses = FileUses(local=True)
        self.finished: list[str] = []
        self.watch = DirectoryWatch(directory, self.finished.append, self.uses.on_event)
        self.watch.keep(time.monotonic())
        assert not self.watch.problem


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.watch.stop()


def test_a_file_is_written_from_its_making_to_its_closing(watched: Watched, tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb"):
        wait_for(lambda: watched.uses.is_written("a.png", 5.0), "it is being written")
        (tmp_path / "a.png").read_bytes()
    wait_for(lambda: watched.finished == ["a.png"], "it is closed")
    assert not watched.uses.is_written("a.png", 5.0)


def test_a_file_that_is_published_by_a_link_is_not_being_written(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / ".a").write_bytes(b"whole")
    os.link(tmp_path / ".a", tmp_path / "a.png")
    (tmp_path / ".a").unlink()
    (tmp_path / "last").touch()
    wait_for(lambda: "last" in watched.finished, "all events have come")
    assert not watched.uses.is_written("a.png", 5.0)


def test_a_lost_event_is_not_believed_for_ever(watched: Watched) -> None:
    for kind in ("created", "opened"):
        watched.uses.on_event("a.png", kind)
    assert watched.uses.is_written("a.png", 5.0)
    assert not watched.uses.is_written("a.png", 3600.0)


def test_what_has_gone_is_forgotten(watched: Watched) -> None:
    for kind in ("created", "opened"):
        watched.uses.on_event("a.png", kind)
    watched.uses.forget(watched.uses.names())
    assert not watched.uses.names()
