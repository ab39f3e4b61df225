"""A station that belongs to a user of its own, and a directory of root's that it must not reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qc_edge.settings import StationPaths
from tests.cli.runner import REPOSITORY, environment
from tests.station.harness import make_station

USER = 65534
"""nobody's number: the station's user in these tests."""

STRANGER = 65533
"""A plain user who has nothing to do with the station."""


def run_as(uid: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`qc-edge` as a user; with an interpreter that every user can read (root's may be its own)."""
    # Root's home is closed to others, whatever stands in it.
    is_shared = not sys.base_prefix.startswith("/root")
    if (
        not is_shared
        and sysconfig.get_python_version() not in Path("/usr/bin/python3").resolve().name
    ):
        pytest.skip("no interpreter of this version that every user can read")
    python = sys.executable if is_shared else "/usr/bin/python3"
    libraries = sysconfig.get_path("purelib")
    command = [python, "-m", "qc_edge", *map(str, arguments)]
    variables = {"PYTHONPATH": f"{REPOSITORY}:{libraries}", "HOME": "/nonexistent"}
    if not _is_open(REPOSITORY):
        command, variables = _elsewhere(command, variables)
    command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
    if not _is_open(REPOSITORY):
        command = ["unshare", "--mount", "sh", "-ec", _BOUND, str(REPOSITORY), *command]
    return subprocess.run(
        command, env=environment() | variables, cwd="/", capture_output=True, text=True
    )


_PLACE = "/mnt"
_BOUND = f'mount --bind "$0" {_PLACE}; exec "$@"'
"""A checkout in a directory that is closed to others is shown to this process at an open place."""


def _is_open(directory: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (directory, *directory.parents))


def _elsewhere(command: list[str], variables: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    here = str(REPOSITORY)
    moved = {name: value.replace(here, _PLACE) for name, value in variables.items()}
    return [word.replace(here, _PLACE) for word in command], moved


def give(top: Path, uid: int = USER) -> None:
    """Make `top` and everything below it the user's."""
    for path in (top, *top.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


@contextmanager
def owned_station() -> Iterator[StationPaths]:
    """A station whose state belongs to `USER`, where that user can get to it."""
    root = Path(tempfile.mkdtemp(prefix="qc-edge-rights-"))
    try:
        root.chmod(0o755)
        paths = make_station(root)
        give(paths.state)
        give(paths.run)
        yield paths
    finally:
        shutil.rmtree(root)


@contextmanager
def roots_directory() -> Iterator[Path]:
    """A directory of root's with one file; afterwards both must be as they were."""
    directory = Path(tempfile.mkdtemp(prefix="qc-edge-roots-"))
    try:
        directory.chmod(0o755)
        (directory / "kept").write_text("root's")
        (directory / "kept").chmod(0o644)
        before = _state_of(directory)
        yield directory
        assert _state_of(directory) == before, "root has changed what a link led to"
    finally:
        shutil.rmtree(directory)


def _state_of(directory: Path) -> list[tuple[str | int, ...]]:
    return [_entry(path) for path in (directory, *sorted(directory.rglob("*")))]


def _entry(path: Path) -> tuple[str | int, ...]:
    """Its time too: what was made in a directory and taken away again shows in that."""
    at = path.lstat()
    return path.name, at.st_ino, at.st_uid, at.st_gid, at.st_mode, at.st_size, at.st_mtime_ns


def belongs_to_root(top: Path) -> list[Path]:
    """What below `top` root has left."""
    return [path for path in (top, *top.rglob("*")) if path.lstat().st_uid == 0]
