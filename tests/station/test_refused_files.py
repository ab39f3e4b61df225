"""Files that the system refuses at the start: said with what to do, exit code 74, and no
traceback.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.errors import DiskFullError, DiskReadOnlyError
from qc_edge.settings import Role, StationPaths
from qc_edge.store.disk_errors import store_error
from tests.cli.runner import environment
from tests.station.harness import NAME, make_station


def start(paths: StationPaths) -> str:
    """What a start says that must end with 74, by somebody who may not override permissions."""
    command = [sys.executable, "-m", "qc_edge", "run", NAME, "--root", str(paths.root)]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 74, ran.stderr
    assert "Traceback" not in ran.stderr and "hint: " in ran.stderr
    return ran.stderr


def test_a_state_directory_that_is_a_file(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    paths.state.rename(tmp_path / "elsewhere")
    paths.state.touch()
    assert "a file stands where a directory belongs" in start(paths)


def test_a_state_directory_that_may_not_be_written(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    paths.evidence.rmdir()
    paths.state.chmod(0o500)
    said = start(paths)
    assert (
        f"cannot open the station's lock {paths.lock(Role.CAPTURE)[0]}: Permission denied" in said
    )
    assert "run as the station's user" in said


def test_a_journal_that_may_not_be_read(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    paths.journal.mkdir(exist_ok=True)
    hour = paths.journal / "2026-11-22T12.jsonl"
    hour.touch(0o000)
    assert f"cannot use {hour}: Permission denied" in start(paths)


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    (paths.state / "frame-clock").mkdir()
    said = start(paths)
    assert "frame-clock: Is a directory" in said
    assert "a directory stands where a file belongs" in said


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EIO, "smartctl"), (errno.EPERM, "station's user")]
)
def test_each_refusal_has_its_hint(number: int, hint: str) -> None:
    said = store_error(OSError(number, os.strerror(number), "/var/lib"), "cannot write /var/lib")
    assert hint in said.hint and not isinstance(said, DiskFullError)


def test_a_read_only_disk_is_waited_for_like_a_full_one_in_words_of_its_own() -> None:
    refused = OSError(errno.EROFS, os.strerror(errno.EROFS), "/var/lib")
    said = store_error(refused, "cannot write /var/lib")
    assert isinstance(said, DiskReadOnlyError) and isinstance(said, DiskFullError)
    assert "the disk is read-only" in said.message and "mount -o remount,rw" in said.hint
