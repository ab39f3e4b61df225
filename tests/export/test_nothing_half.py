"""Whatever ends an export, what was there stays as it was and nothing half is beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.errors import StoreError, UsageError
from qc_edge.settings import StationPaths
from tests.cli.runner import environment
from tests.export.test_export import DIRECTORY, FILE, export
from tests.station.harness import NAME, wait_for


def started(paths: StationPaths, out: Path, *before: str) -> subprocess.Popen[bytes]:
    """The export in a process of its own."""
    command = (sys.executable, "-m", "qc_edge", "export", NAME, str(out), "--with-evidence")
    return subprocess.Popen(
        [*before, *command, "--root", str(paths.root)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("name", [FILE, DIRECTORY])
def test_what_is_there_is_not_overwritten(paths: StationPaths, tmp_path: Path, name: str) -> None:
    export(paths, tmp_path / name)
    before = (tmp_path / name).stat()
    with pytest.raises(UsageError, match="overwrites nothing"):
        export(paths, tmp_path / name)
    assert (tmp_path / name).stat() == before


def test_pictures_of_another_export_are_not_mixed_with(paths: StationPaths, tmp_path: Path) -> None:
    export(paths, tmp_path / FILE, "--with-evidence")
    with pytest.raises(UsageError, match="evidence is there already"):
        export(paths, tmp_path / "second.duckdb", "--with-evidence")
    assert not (tmp_path / "second.duckdb").exists()


def test_nothing_is_written_among_the_stations_own_files(paths: StationPaths) -> None:
    before = sorted(paths.state.rglob("*"))
    with pytest.raises(UsageError, match="among the station's own files"):
        export(paths, paths.published / "x.duckdb")
    assert sorted(paths.state.rglob("*")) == before


@pytest.mark.parametrize("name", [FILE, DIRECTORY])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_export_leaves_nothing(
    paths: StationPaths, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    out = tmp_path / "out" / name
    child = started(paths, out)
    try:
        wait_for(lambda: list(tmp_path.glob("out/.*.partial")), "it has begun", every_s=0.001)
        child.send_signal(signal.SIGSTOP)
        assert not out.exists()
        child.send_signal(number)
        child.send_signal(signal.SIGCONT)
        assert child.wait(30) == 128 + number
    finally:
        child.kill()
        child.communicate()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [FILE, DIRECTORY])
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(
    paths: StationPaths, tmp_path: Path, name: str
) -> None:
    # The limit on a file's size refuses the write itself, as a full disk does.
    child = started(paths, tmp_path / "out" / name, "prlimit", "--fsize=16384", "--")
    _, said = child.communicate(timeout=60)
    assert child.returncode == StoreError.exit_code, said.decode()
    assert b"hint:" in said and b"Traceback" not in said
    assert not (tmp_path / "out").exists()
