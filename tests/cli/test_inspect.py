"""`qc-edge inspect` judges files as a station would, and records nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.calibration import starting_calibration
from qc_edge.errors import ModelError, QcEdgeError, StationAbsentError, UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import Truth, write_series
from qc_edge.service.clock import utc_now
from qc_edge.setup.new_station import CameraChoice, fit_calibration, provision
from tests.cli.runner import invoke, run

PARTS = 10


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[Truth]]:
    """A directory of good, defective and spoilt parts; not to be changed."""
    directory = tmp_path_factory.mktemp("parts")
    return directory, write_series(
        directory, 7, PARTS, defect_share=3 / PARTS, fault_share=3 / PARTS
    )


def inspected(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    result = invoke("inspect", *arguments, "--json")
    assert result.exit_code == code, result.exception
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def refused(*arguments: str | Path) -> QcEdgeError:
    fault = invoke("inspect", *arguments).exception
    assert isinstance(fault, QcEdgeError), fault
    return fault


def test_a_directory_is_judged_file_by_file_in_name_order(
    series: tuple[Path, Sequence[Truth]],
) -> None:
    directory, parts = series
    said = inspected(directory)
    assert [Path(each["file"]).name for each in said["files"]] == [part.file for part in parts]
    assert sum(said["counts"].values()) == PARTS
    assert said["model"] == "reference@1"
    for each, part in zip(said["files"], parts, strict=True):
        assert each["raw_sha256"] == part.sha256
        assert (each["score"] is None) == (each["verdict"] == "INVALID")
        if each["score"] is not None:
            assert each["verdict"] == ("FAIL" if each["score"] >= said["threshold"] else "PASS")


def test_a_pattern_and_a_name_mean_each_file_once(series: tuple[Path, Sequence[Truth]]) -> None:
    directory, _ = series
    said = inspected(directory / "part-0000[12].png", directory / "part-00002.png")
    assert [Path(each["file"]).name for each in said["files"]] == [
        "part-00001.png",
        "part-00002.png",
    ]


def test_a_bad_file_is_a_row_and_the_others_are_judged(
    series: tuple[Path, Sequence[Truth]], tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello, world")
    good = series[0] / next(
        part.file for part in series[1] if part.label == "good" and part.fault is None
    )
    said = inspected(text, tmp_path / "nowhere.png", good, code=65)
    rows = said["files"]
    assert [row["readable"] for row in rows] == [False, False, True]
    assert [row["reason"] for row in rows[:2]] == ["not_an_image", "unreadable"]
    assert rows[2]["verdict"] in {"PASS", "FAIL"}


def test_the_station_and_its_calibration_judge(
    series: tuple[Path, Sequence[Truth]], tmp_path: Path
) -> None:
    made = provision(tmp_path, "line1", CameraChoice("basler"))
    start = starting_calibration("line1", "top", utc_now() + timedelta(seconds=5))
    calibrations.write(made.paths.calibration, fit_calibration(start, *series))
    before = sorted(path for path in tmp_path.rglob("*"))
    said = inspected(series[0], "--station", "line1", "--root", tmp_path)
    for each, part in zip(said["files"], series[1], strict=True):
        assert (each["verdict"] == "INVALID") == (part.fault is not None), each
    assert sorted(path for path in tmp_path.rglob("*")) == before, "something was recorded"
    text = made.paths.settings.read_text()
    made.paths.settings.write_text(text.replace("#threshold =", "threshold = 0.0", 1))
    said = inspected(series[0], "--station", "line1", "--root", tmp_path)
    assert said["threshold_id"].startswith("settings:")
    assert said["counts"].get("PASS") is None


def test_the_stations_threshold_record_counts(
    series: tuple[Path, Sequence[Truth]], tmp_path: Path
) -> None:
    provision(tmp_path, "line1", CameraChoice("basler"))
    where = ("line1", "--root", tmp_path)
    who = ("--by", "anna", "--reason", "a trial", "--yes")
    done = invoke("threshold", "line1", "set", "0.0", *who, *where[1:])
    assert done.exit_code == 0, done.exception
    said = inspected(series[0] / series[1][0].file, "--station", *where)
    assert said["threshold"] == 0.0
    assert inspected(series[0] / series[1][0].file)["threshold"] == 0.5


def test_a_person_gets_a_table_and_the_sum(series: tuple[Path, Sequence[Truth]]) -> None:
    ran = run("inspect", series[0])
    assert ran.returncode == 0, ran.stderr
    assert re.search(rf"{PARTS} files: .*reference@1 on onnx.*nothing recorded", ran.stdout)
    assert "part-00001.png" in ran.stdout
    assert ran.stderr == ""


def test_an_unknown_model_is_answered_with_the_nearest_name(
    series: tuple[Path, Sequence[Truth]],
) -> None:
    fault = refused(series[0], "--model", "refrence@1")
    assert isinstance(fault, ModelError)
    assert "did you mean 'reference@1'" in fault.message


def test_an_unknown_station_is_answered_with_the_nearest_name(
    series: tuple[Path, Sequence[Truth]], tmp_path: Path
) -> None:
    provision(tmp_path, "line1", CameraChoice(None))
    fault = refused(series[0], "--station", "line2", "--root", tmp_path)
    assert isinstance(fault, StationAbsentError)
    assert "did you mean 'line1'" in fault.message


def test_a_directory_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    fault = refused(tmp_path)
    assert isinstance(fault, UsageError)
    assert "it holds notes.txt" in fault.message


def test_a_pattern_without_a_match_is_refused(tmp_path: Path) -> None:
    assert "nothing matches" in refused(tmp_path / "*.png").message
