"""Every file that is renamed into place was synced before: after a power cut the name holds its old
content or its new.

Each rename of this process is looked at. What a file system loses of a file that was not synced is
not tried here; on ext4 it was all of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.engine.plans import PlanCache, PlanKey
from qc_edge.service.clock import FrameClock
from qc_edge.service.synced_file import replace_file
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.store.durable import write_file
from tests.station.harness import BAD, GOOD, drop, make_station, part, running


class Renames:
    """What was renamed into place, and which of it was not synced as it was then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.unsynced: list[str] = []
        self._synced: dict[tuple[int, int], tuple[int, int]] = {}
        rename, replace, fsync = os.rename, os.replace, os.fsync

        def synced(fd: int) -> None:
            fsync(fd)
            status = os.fstat(fd)
            self._synced[status.st_dev, status.st_ino] = status.st_size, status.st_mtime_ns

        def look(source: str | Path, target: str | Path) -> None:
            status = os.lstat(source)
            # Files that other nodes drop are claimed by rename: their content is not ours.
            if stat.S_ISREG(status.st_mode) and "incoming" not in str(source):
                self.names.append(Path(target).name)
                now = status.st_size, status.st_mtime_ns
                if self._synced.get((status.st_dev, status.st_ino)) != now:
                    self.unsynced.append(f"{source} -> {target}")

        def renamed(source: str, target: str) -> None:
            look(source, target)
            rename(source, target)

        def replaced(source: str, target: str) -> None:
            look(source, target)
            replace(source, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "rename", renamed)
        monkeypatch.setattr(os, "replace", replaced)


@pytest.fixture
def renames(monkeypatch: pytest.MonkeyPatch) -> Iterator[Renames]:
    """Every rename of the test; none may be of a file that was not synced."""
    seen = Renames(monkeypatch)
    yield seen
    unsynced = [line for line in seen.unsynced if "/run/" not in line]  # a reboot forgets those
    assert not unsynced, "\n".join(unsynced)


def test_a_file_that_is_not_synced_first_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames = Renames(monkeypatch)
    (tmp_path / "new").write_text("content")
    (tmp_path / "new").replace(tmp_path / "file")
    assert len(renames.unsynced) == 1
    replace_file(tmp_path / "file", b"content")
    assert len(renames.unsynced) == 1


def test_a_station_that_runs(tmp_path: Path, renames: Renames) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number, level in enumerate((GOOD, BAD)):
            drop(paths, f"part{number}.png", part(level, seed=number))
        station.wait_until_inspected(2)
        station.wait_for(paths.qa.exists, "qa.duckdb")
        station.wait_for((paths.state / "frame-clock").exists, "the mark of the frame ids")
        before = renames.names.count("qa.duckdb")
        with paths.qa.open("rb"):  # a client: the next one is to find a copy of its own
            station.wait_for(lambda: renames.names.count("qa.duckdb") > before, "a fresh copy")
    assert {"qa.duckdb", "frame-clock"} <= set(renames.names)


def test_what_commands_write(tmp_path: Path, renames: Renames) -> None:
    write_file(tmp_path / "record", b"a", b"b")
    clock = FrameClock(tmp_path / "mark")
    clock.stamp("top")
    clock.keep_mark()
    FileInstaller().write(tmp_path / "units/qc-edge@.service", "[Unit]\n")
    key = PlanKey("0" * 64, "test", "10", "gpu", "9.0", "580", "fp32", 1)
    PlanCache(tmp_path / "plans", 2).keep(key, b"plan", 1.0)
    assert renames.names[:3] == ["record", "mark", "qc-edge@.service"]
    assert len(renames.names) == 5
    assert (tmp_path / "units/qc-edge@.service").stat().st_mode & 0o777 == 0o644
