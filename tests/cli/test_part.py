"""`qc-edge part` says why, and writes a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import StationAbsentError, UsageError
from qc_edge.settings import StationPaths
from tests.audit.conftest import paths, station_at_rest
from tests.cli.runner import invoke, run
from tests.report.test_part_report import one

__all__ = ["paths", "station_at_rest"]


def test_it_says_why(paths: StationPaths) -> None:
    result = invoke("part", paths.name, one(paths, Verdict.FAIL).part_id, "--root", paths.root)
    assert result.exit_code == 0
    assert "REJECTED" in result.stdout and "done again now" in result.stdout


def test_json_is_one_object(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    result = invoke(
        "part", paths.name, row.part_id, "--frame", row.frame_id, "--root", paths.root, "--json"
    )
    told = json.loads(result.stdout)
    assert told["holds"] is True
    assert [each["row"]["frame_id"] for each in told["inspections"]] == [row.frame_id]


def test_it_writes_a_report(paths: StationPaths, tmp_path: Path) -> None:
    file = tmp_path / "new" / "part.html"
    part_id = one(paths, Verdict.FAIL).part_id
    result = invoke("part", paths.name, part_id, "--root", paths.root, "--report", file)
    assert result.exit_code == 0
    assert f"Part {part_id}" in file.read_text(encoding="utf-8")
    assert str(file) in result.stdout


def test_a_report_of_another_kind_is_refused(paths: StationPaths) -> None:
    result = invoke("part", paths.name, "1", "--root", paths.root, "--report", "part.docx")
    assert isinstance(result.exception, UsageError)
    assert "ends in .html or .pdf" in str(result.exception)


def test_changed_evidence_shows_in_the_exit_code(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    (paths.state / str(row.raw_path)).unlink()
    result = invoke("part", paths.name, row.part_id, "--root", paths.root)
    assert result.exit_code == 65
    assert "MISSING" in result.stdout


def test_an_unknown_part_is_said_to_the_person(paths: StationPaths) -> None:
    said = run("part", paths.name, "no-such-part", "--root", paths.root)
    assert said.returncode == 64
    assert "has no inspection of part 'no-such-part'" in said.stderr


@pytest.mark.parametrize("command", ["part", "verify"])
def test_an_unknown_station_is_reported(tmp_path: Path, command: str) -> None:
    result = invoke(command, "line9", *(["1"] if command == "part" else []), "--root", tmp_path)
    assert isinstance(result.exception, StationAbsentError)
