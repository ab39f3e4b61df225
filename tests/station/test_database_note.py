"""Who meets DuckDB's lock on a running station's database finds beside it where to look instead."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from qc_edge.settings import StationPaths
from tests.station.harness import NAME, drop, inspect_all, make_station, part, running

CLI = Path(sys.executable).with_name("duckdb")


def test_what_the_note_says_works_where_the_database_is_locked(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "good.png", part())
    with running(paths) as station:
        station.wait_until_inspected(1)
        refused = subprocess.run(
            [CLI, "-readonly", paths.database, "-c", "FROM inspections"],
            capture_output=True,
            text=True,
        )
        assert "Could not set lock" in refused.stderr
        note = paths.database.with_name("READ-ME-traceability.txt").read_text()
        (command,) = re.findall(r"duckdb -readonly (\S+)", note)
        station.wait_for(lambda: Path(command).exists(), "the database of views is there")
        answered = subprocess.run([CLI, "-readonly", command, "-c", "FROM events"], check=False)
        assert answered.returncode == 0


def test_a_station_that_was_moved_has_a_note_of_its_new_place(tmp_path: Path) -> None:
    inspect_all(make_station(tmp_path / "old"))
    shutil.move(tmp_path / "old", tmp_path / "new")
    paths = StationPaths(tmp_path / "new", NAME)
    assert str(paths.qa) not in paths.database_note.read_text()
    inspect_all(paths)
    assert str(paths.qa) in paths.database_note.read_text()
