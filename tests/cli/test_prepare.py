"""`qc-edge prepare` shows what the gates and the preprocessing make of one file, and records
nothing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.domain.calibration import starting_calibration
from qc_edge.domain.frame import Frame, FrameId
from qc_edge.errors import CalibrationError, ImageError, QcEdgeError, StationAbsentError, UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import FrameFault, render
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import CameraChoice, provision
from qc_edge.vision import pnm
from qc_edge.vision.image import decode, pixels_sha256
from qc_edge.vision.prepare import prepare, preprocess_id
from tests.cli.runner import invoke, run

SIZE = (320, 256)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("parts") / "good.png", None)


def written(file: Path, fault: FrameFault | None) -> Path:
    cv2.imwrite(str(file), render(1, fault=fault, size=SIZE).pixels)
    return file


def prepared(*arguments: str | Path) -> dict[str, Any]:
    result = invoke("prepare", *arguments, "--json")
    assert result.exit_code == 0, result.exception
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def refused(*arguments: str | Path) -> QcEdgeError:
    fault = invoke("prepare", *arguments).exception
    assert isinstance(fault, QcEdgeError), fault
    return fault


def test_the_digests_are_those_that_a_station_records(good: Path) -> None:
    pixels = render(1, size=SIZE).pixels
    said = prepared(good)
    assert said["raw_sha256"] == pixels_sha256(pixels)
    assert said["prepared_sha256"] == pixels_sha256(prepare(pixels))
    assert said["preprocess_id"] == preprocess_id()
    assert said["accepted"]
    assert [gate["gate"] for gate in said["gates"] if not gate["passed"]] == []


@pytest.mark.parametrize("name", ["prepared.png", "prepared.pgm", "prepared.bmp"])
def test_the_models_input_is_written_without_loss(good: Path, tmp_path: Path, name: str) -> None:
    prepared(good, "--out", tmp_path / name)
    kept = decode((tmp_path / name).read_bytes(), max_pixels=512 * 512)
    assert np.array_equal(kept.gray, prepare(render(1, size=SIZE).pixels))


def test_a_lossy_format_is_refused(good: Path, tmp_path: Path) -> None:
    assert refused(good, "--out", tmp_path / "prepared.jpg").exit_code == 64
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_reported(good: Path, tmp_path: Path) -> None:
    assert "cannot write" in str(refused(good, "--out", tmp_path / "nowhere/prepared.png"))


def test_a_frame_that_a_gate_refuses_is_a_result(tmp_path: Path) -> None:
    said = prepared(written(tmp_path / "blurred.png", FrameFault.DEFOCUSED))
    assert not said["accepted"]
    assert said["refusal"]["reason"] == "low_focus"
    assert said["refusal"]["figure"] < said["refusal"]["bound"] == 80.0


def test_a_person_reads_figure_bound_and_outcome(tmp_path: Path) -> None:
    ran = run("prepare", written(tmp_path / "dark.png", FrameFault.UNDEREXPOSED))
    assert ran.returncode == 0
    assert "INVALID, too_dark" in ran.stdout
    assert "at least 80" in ran.stdout
    assert "starting bounds" in ran.stdout


def test_a_frame_of_a_station_gives_the_same_as_the_image(good: Path, tmp_path: Path) -> None:
    frame = Frame(FrameId("20261122T101500000000Z-top"), "top", utc_now(), clock_trusted=True)
    spooled = tmp_path / "frame.pgm"
    spooled.write_bytes(b"".join(pnm.encode(frame.to_json(), render(1, size=SIZE).pixels, 8)))
    both = prepared(good), prepared(spooled)
    assert both[0] | {"file": ""} == both[1] | {"file": ""}


def unreadable(directory: Path, name: str) -> Path:
    """A file of that name, and what is wrong with it."""
    whole = cv2.imencode(".png", np.zeros((64, 64), np.uint8))[1].tobytes()
    contents = {
        "notes.txt": b"hello, world",
        "empty.png": b"",
        "torn.png": whole[: len(whole) // 2],
    }
    if name in contents:
        (directory / name).write_bytes(contents[name])
    return directory / name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("notes.txt", "not_an_image"),
        ("empty.png", "empty_file"),
        ("torn.png", "torn_file"),
        ("nowhere.png", "No such file"),
        (".", "it is a directory"),
    ],
)
def test_a_file_that_is_no_image_ends_with_65_and_the_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    fault = refused(unreadable(tmp_path, name))
    assert isinstance(fault, ImageError)
    assert (fault.exit_code, reason in fault.message) == (65, True)
    assert fault.hint


def test_a_stations_calibration_is_what_counts(good: Path, tmp_path: Path) -> None:
    paths = provision(tmp_path, "line1", CameraChoice("basler")).paths
    made_at = utc_now() + timedelta(seconds=5)
    start = starting_calibration("line1", "top", made_at)
    calibrations.write(paths.calibration, replace(start, width=640, height=480))
    said = prepared(good, "--station", "line1", "--root", tmp_path)
    assert (said["camera"], said["refusal"]["reason"]) == ("top", "wrong_size")
    assert said["calibration_id"] == start.calibration_id
    said = prepared(good, "--station", "line1", "--camera", "incoming", "--root", tmp_path)
    assert said["accepted"]


def test_what_a_station_does_not_have_is_answered_with_the_nearest_name(
    good: Path, tmp_path: Path
) -> None:
    provision(tmp_path, "line1", CameraChoice("basler"))
    fault = refused(good, "--station", "lin1", "--root", tmp_path)
    assert isinstance(fault, StationAbsentError)
    assert "did you mean 'line1'" in fault.message
    fault = refused(good, "--station", "line1", "--camera", "topp", "--root", tmp_path)
    assert isinstance(fault, UsageError)
    assert "did you mean 'top'" in fault.message


def test_a_camera_needs_its_station(good: Path) -> None:
    assert "--station" in refused(good, "--camera", "top").hint


def test_a_station_whose_calibration_is_damaged_is_not_taken_for_another(
    good: Path, tmp_path: Path
) -> None:
    provision(tmp_path, "line1", CameraChoice("basler"))
    [record] = (StationPaths(tmp_path, "line1").calibration / "top").iterdir()
    record.write_text(record.read_text().replace("focus_min = 80.0", "focus_min = 8.0"))
    assert isinstance(refused(good, "--station", "line1", "--root", tmp_path), CalibrationError)
