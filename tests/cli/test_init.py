"""`qc-edge init` makes a whole station and never touches one that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.errors import UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import DefectKind, FrameFault, read_truth
from qc_edge.settings import INCOMING, StationPaths, load_settings
from qc_edge.setup.new_station import CameraChoice, parse_camera, provision
from qc_edge.vision.gates import check_gates
from qc_edge.vision.image import decode
from qc_edge.vision.prepare import resize
from tests.cli.runner import invoke, run


def test_a_new_station_can_be_loaded_and_has_its_directories(tmp_path: Path) -> None:
    made = invoke("init", "line1", "--camera", "basler:40012345", "--root", tmp_path)
    assert made.exit_code == 0
    paths = StationPaths(tmp_path, "line1")
    settings = load_settings(paths.settings)
    assert (settings.camera[0].backend, settings.camera[0].serial) == ("basler", "40012345")
    assert all(directory.is_dir() for directory in paths.directories())
    assert paths.schema.is_file()


def test_it_says_what_was_made_and_what_to_do_next(tmp_path: Path) -> None:
    said = run("init", "line1", "--root", tmp_path).stdout
    assert str(StationPaths(tmp_path, "line1").settings) in said
    for verb in ("check", "run", "status"):
        assert f"qc-edge {verb} line1 --root {tmp_path}" in said


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station whose camera plays rendered parts; not to be changed."""
    root = tmp_path_factory.mktemp("emulated")
    provision(root, "line1", CameraChoice("emulated"))
    return StationPaths(root, "line1")


def test_an_emulated_camera_gets_parts_of_every_kind_to_play(emulated: StationPaths) -> None:
    assert load_settings(emulated.settings).camera[0].images == emulated.emulated_parts
    truth = read_truth(emulated.emulated_parts)
    assert {part.fault for part in truth} >= set(FrameFault)
    assert {part.defect for part in truth} >= set(DefectKind)


def test_its_calibration_accepts_the_parts_and_refuses_the_faulty_frames(
    emulated: StationPaths,
) -> None:
    calibration = calibrations.load_current(emulated.calibration, "top")
    assert not calibration.starting
    for part in read_truth(emulated.emulated_parts):
        image = decode((emulated.emulated_parts / part.file).read_bytes(), max_pixels=2**28)
        report = check_gates(image.gray, resize(image.gray), image.bit_depth, calibration)
        assert (report.refusal is not None) == (part.fault is not None), (part, report.refusal)


@pytest.mark.parametrize("camera", ["basler", "none"])
def test_every_source_of_frames_has_a_starting_calibration(tmp_path: Path, camera: str) -> None:
    provision(tmp_path, "line1", parse_camera(camera))
    directory = StationPaths(tmp_path, "line1").calibration
    for source in ["top"] * (camera == "basler") + [INCOMING]:
        record = calibrations.load_current(directory, source)
        assert record.starting
        assert record.station == "line1"


def test_a_folder_camera_plays_the_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    provision(tmp_path, "line1", parse_camera(f"folder:{tmp_path / 'parts'}"))
    camera = load_settings(StationPaths(tmp_path, "line1").settings).camera[0]
    assert (camera.backend, camera.images) == ("folder", tmp_path / "parts")


def test_a_station_without_a_camera_takes_incoming_frames(tmp_path: Path) -> None:
    provision(tmp_path, "line1", parse_camera("none"))
    settings = load_settings(StationPaths(tmp_path, "line1").settings)
    assert settings.camera == ()
    assert settings.incoming.enabled


@pytest.mark.parametrize(
    "text", ["", "usb", "basler:", "folder:", "none:1", "emulated:2", "folder:/nowhere/at/all"]
)
def test_an_unknown_camera_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_camera(text)


@pytest.mark.parametrize("name", ["Line1", "1line", "line_1", "", "../line1", "x" * 32, "line1\n"])
def test_a_name_that_the_settings_would_refuse_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a station"):
        provision(tmp_path, name, CameraChoice(None))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_station_is_left_as_it_is(tmp_path: Path) -> None:
    provision(tmp_path, "line1", CameraChoice(None))
    paths = StationPaths(tmp_path, "line1")
    before = paths.settings.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        provision(tmp_path, "line1", CameraChoice("emulated"))
    assert paths.settings.read_bytes() == before
    assert not paths.emulated_parts.exists()


def test_records_without_settings_are_not_taken_over(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.evidence.mkdir(parents=True)
    (paths.evidence / "2026-11-22").mkdir()
    with pytest.raises(UsageError, match="records are still here"):
        provision(tmp_path, "line1", CameraChoice(None))


def test_an_interrupted_init_can_be_repeated(tmp_path: Path) -> None:
    for directory in StationPaths(tmp_path, "line1").directories():
        directory.mkdir(parents=True, exist_ok=True)
    provision(tmp_path, "line1", CameraChoice(None))


def test_a_root_that_cannot_be_written_is_a_fault_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run("init", "line1", "--root", tmp_path / "file")
    assert ran.returncode == 74
    assert ran.stderr.startswith("error: cannot make ")
    assert "--root DIR" in ran.stderr
