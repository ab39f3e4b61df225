"""`qc-edge install --station` again: whatever stands in a station's directory, root keeps out."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qc_edge.settings import StationPaths
from qc_edge.setup import file_installer
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.ownership import Handover
from tests.rights.stations import USER, owned_station, roots_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

GROUP = 65532


@pytest.fixture
def paths() -> Iterator[StationPaths]:
    with owned_station() as station:
        yield station


@pytest.fixture
def roots() -> Iterator[Path]:
    """Whatever a test does, this is as it was afterwards."""
    with roots_directory() as directory:
        yield directory


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> FileInstaller:
    """One that knows the station's user and the group of those who drop frames by number."""
    ids = {"qc-edge": (USER, USER), "qc-edge-drop": (-1, GROUP)}
    monkeypatch.setattr(file_installer, "_user_and_group_ids", ids.get)
    return FileInstaller()


def install_again(installer: FileInstaller, paths: StationPaths) -> None:
    """What `install_station` does among the station's files."""
    installer.change_owner(paths.state, "qc-edge")
    installer.set_directory_group(paths.state, "", "qc-edge", 0o751)
    installer.set_directory_group(paths.state, "spool", "qc-edge", 0o751)
    installer.set_directory_group(paths.state, "spool/incoming", "qc-edge-drop", 0o2770)


def left_alone(installer: FileInstaller) -> str:
    return "\n".join(f.subject for f in installer.changes if f.what == "left alone")


def test_what_root_has_made_is_given_to_the_station_and_closed(
    installer: FileInstaller, paths: StationPaths
) -> None:
    made = paths.thresholds / "made.toml"
    made.write_text("x")
    made.chmod(0o4755)
    (paths.evidence / "day").mkdir(0o755)
    install_again(installer, paths)
    found = made.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (USER, USER, 0o750)
    assert (paths.evidence / "day").stat().st_uid == USER
    assert stat.S_IMODE((paths.evidence / "day").stat().st_mode) == 0o750
    incoming = paths.incoming.stat()
    assert (incoming.st_gid, stat.S_IMODE(incoming.st_mode)) == (GROUP, 0o2770)
    again = FileInstaller()
    install_again(again, paths)
    assert {change.what for change in again.changes} == {"same"}


def link_the_incoming_directory(paths: StationPaths, roots: Path) -> None:
    paths.incoming.rmdir()
    paths.incoming.symlink_to(roots)


def link_the_spool(paths: StationPaths, roots: Path) -> None:
    shutil.rmtree(paths.incoming.parent)
    paths.incoming.parent.symlink_to(roots)
    # so that the rest of the way is there as well
    assert not (roots / "incoming").exists()


def link_a_file(paths: StationPaths, roots: Path) -> None:
    (paths.thresholds / "x.toml").symlink_to(roots / "kept")


def link_a_directory(paths: StationPaths, roots: Path) -> None:
    (paths.evidence / "day").symlink_to(roots)


@pytest.mark.parametrize(
    "trap", [link_the_incoming_directory, link_the_spool, link_a_file, link_a_directory]
)
def test_no_link_is_followed(
    trap: Callable[[StationPaths, Path], None],
    installer: FileInstaller,
    paths: StationPaths,
    roots: Path,
) -> None:
    trap(paths, roots)
    install_again(installer, paths)
    if trap in {link_the_incoming_directory, link_the_spool}:
        assert "no directory of its own" in left_alone(installer)


def test_a_file_with_another_name_elsewhere_stays_its_owners(
    installer: FileInstaller, paths: StationPaths
) -> None:
    # On one file system, which a hard link needs; whether the kernel lets a user make one is a
    # setting (fs.protected_hardlinks).
    foreign = paths.root / "foreign"
    foreign.write_text("root's")
    os.link(foreign, paths.thresholds / "x.toml")
    install_again(installer, paths)
    assert foreign.stat().st_uid == 0
    assert "x.toml: it has 2 names (hard links)" in left_alone(installer)


def test_a_pipe_is_not_waited_for(installer: FileInstaller, paths: StationPaths) -> None:
    os.mkfifo(paths.thresholds / "x.toml")
    install_again(installer, paths)


def test_a_mount_is_left_alone(installer: FileInstaller, paths: StationPaths, roots: Path) -> None:
    mounted = paths.evidence / "day"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", mounted], capture_output=True).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        (mounted / "file").touch()
        install_again(installer, paths)
        assert (mounted / "file").stat().st_uid == 0
        assert "day: it is a mount of its own" in left_alone(installer)
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_folders_without_end_are_given_up(installer: FileInstaller, paths: StationPaths) -> None:
    at = os.open(paths.evidence, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    install_again(installer, paths)
    assert "nested too deeply" in left_alone(installer)


@pytest.mark.parametrize("becomes", ["directory", "file"])
def test_what_becomes_a_link_between_a_look_and_a_step_leads_nowhere(
    becomes: str, paths: StationPaths, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = paths.evidence / "victim"
    victim.mkdir() if becomes == "directory" else victim.touch()
    look, swapped = os.lstat, []

    def look_and_swap(name: str, *, dir_fd: int | None = None) -> os.stat_result:
        found = look(name, dir_fd=dir_fd)
        if name == "victim":
            victim.rename(paths.evidence / "aside")
            victim.symlink_to(roots if becomes == "directory" else roots / "kept")
            swapped.append(name)
        return found

    monkeypatch.setattr(os, "lstat", look_and_swap)
    handover = Handover(USER, USER)
    handover.give(paths.state)
    assert swapped
    assert [left.path for left in handover.left] == [victim]


SWAP = """
import os
os.chdir(%r)
print(flush=True)
while True:
    os.rename("victim", "real"); os.rename("link", "victim")
    os.rename("victim", "link"); os.rename("real", "victim")
"""


def test_a_station_that_swaps_directories_for_links_all_the_time_gains_nothing(
    paths: StationPaths, roots: Path
) -> None:
    (paths.evidence / "victim").mkdir()
    (paths.evidence / "link").symlink_to(roots)
    swapping = subprocess.Popen(
        [sys.executable, "-c", SWAP % str(paths.evidence)], stdout=subprocess.PIPE
    )
    try:
        assert swapping.stdout
        swapping.stdout.readline()
        deadline = time.monotonic() + 3
        walks = 0
        while time.monotonic() < deadline or walks < 100:
            Handover(USER, USER).give(paths.evidence)
            walks += 1
        assert swapping.poll() is None
    finally:
        swapping.kill()
        swapping.communicate()
