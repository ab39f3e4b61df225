"""The demo makes its own directory anew and removes nothing that it has not made."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.camera.image_files import EMULATED, played_files
from qc_edge.demo.demo_station import clear_directory
from qc_edge.demo.parts import ROUND, count_for, render_parts
from qc_edge.errors import BusyError, DiskFullError, UsageError
from qc_edge.rendered import DefectKind, FrameFault, read_truth
from qc_edge.service.lock import StationLock
from qc_edge.settings import StationPaths


def test_a_directory_that_is_not_there_is_made(tmp_path: Path) -> None:
    paths = clear_directory(tmp_path / "new/demo", 1)
    assert paths == StationPaths(tmp_path / "new/demo", "demo")
    assert paths.root.is_dir()


def test_a_directory_with_content_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match="no directory of an earlier demo"):
        clear_directory(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_earlier_demo_is_removed_and_nothing_beside_it(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    paths = clear_directory(root, 1)
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    (paths.frames / "old.pgm").write_bytes(b"P5")
    paths.settings.write_text("[station]")
    other = StationPaths(root, "line1")
    other.state.mkdir(parents=True)
    other.settings.write_text("[station]")
    (root / "notes.txt").write_text("mine")
    clear_directory(root, 1)
    assert not paths.state.exists()
    assert not paths.settings.exists()
    assert other.state.is_dir()
    assert other.settings.is_file()
    assert (root / "notes.txt").is_file()


def test_a_state_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    paths = clear_directory(tmp_path / "demo", 1)
    paths.state.parent.mkdir(parents=True)
    paths.state.symlink_to(precious)
    with pytest.raises(UsageError, match="is a link"):
        clear_directory(tmp_path / "demo", 1)
    assert (precious / "file").exists()


def test_a_demo_that_runs_is_left_alone(tmp_path: Path) -> None:
    paths = clear_directory(tmp_path / "demo", 1)
    with StationLock(paths.lock("inspect")), pytest.raises(BusyError, match="process"):
        clear_directory(tmp_path / "demo", 1)


def test_too_little_room_is_said_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="MB are free"):
        clear_directory(tmp_path / "demo", 10**12)


def test_a_round_has_parts_of_every_kind(tmp_path: Path) -> None:
    seen: list[int] = []
    parts = render_parts(tmp_path, 1, ROUND, seen.append)
    assert parts == read_truth(tmp_path)
    assert {part.defect for part in parts} == {None, *DefectKind}
    assert {part.fault for part in parts} == {None, *FrameFault}
    assert [path.name for path in played_files(tmp_path, EMULATED)] == [part.file for part in parts]
    assert seen[-1] == ROUND


def test_a_short_demo_renders_one_round_and_a_long_one_no_more_than_two() -> None:
    assert [count_for(triggers) for triggers in (1, 24, 48, 240, 100_000)] == [ROUND] * 2 + [
        2 * ROUND
    ] * 3
