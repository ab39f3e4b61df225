"""Whether a file is still being written, and what time its file system has."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from qc_edge.service import open_files
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.service.open_files import is_local, is_open_for_writing


def test_a_file_is_open_for_writing_until_its_writer_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb"):
        assert is_open_for_writing(path) is True
    assert is_open_for_writing(path) is False


def test_a_reader_is_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    with path.open("rb"):
        assert is_open_for_writing(path) is False


def test_where_no_lease_may_be_had_the_processes_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "_lease", lambda _: None)
    path = tmp_path / "a.png"
    with path.open("wb"):
        assert is_open_for_writing(path) is True
    assert is_open_for_writing(path) is None


def test_of_what_is_no_file_of_this_machine_nobody_can_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone", "link", "pipe"):
        assert is_open_for_writing(tmp_path / name) is None
    assert is_local(tmp_path) and not is_local(Path("/proc"))
    monkeypatch.setattr(open_files, "is_local", lambda _: False)
    with (tmp_path / "a.png").open("wb"):
        assert is_open_for_writing(tmp_path / "a.png") is None


def test_the_age_of_a_file_counts_from_its_last_change_whatever_its_writer_says(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.png"
    path.touch()
    os.utime(path, (time.time() - 3600,) * 2)
    age_s = FileSystemClock(tmp_path).age_s(path.stat())
    assert age_s is not None and -1 < age_s < 60
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"], "the probe is gone"


def test_a_file_server_that_is_a_minute_behind_makes_no_file_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FileSystemClock(tmp_path)
    path = tmp_path / "a.png"
    path.touch()
    status = path.stat()
    behind = os.stat_result(
        (*status[:7], status.st_atime - 60, status.st_mtime - 60, status.st_ctime - 60)
    )
    measured = clock._measure()
    assert measured is not None
    monkeypatch.setattr(clock, "_measure", lambda: measured - 60)
    age_s = clock.age_s(behind)
    assert age_s is not None and age_s < 30


def test_where_nothing_can_be_written_the_clock_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert FileSystemClock(tmp_path / "a").age_s((tmp_path / "a").stat()) is None
