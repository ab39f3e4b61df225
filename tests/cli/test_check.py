"""`qc-edge check` finds every fault of a station at once and says what to do."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from qc_edge.diagnostics import directories
from qc_edge.diagnostics.check import check_station
from qc_edge.diagnostics.finding import Finding, Level, worst_exit_code
from qc_edge.domain.calibration import starting_calibration
from qc_edge.records import calibrations
from qc_edge.rendered import write_series
from qc_edge.service.lock import StationLock
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import CameraChoice, provision
from tests.cli.runner import invoke, run


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station without a camera."""
    provision(tmp_path, "line1", CameraChoice(None))
    return StationPaths(tmp_path, "line1")


def faults(paths: StationPaths) -> list[Finding]:
    return [
        finding for finding in check_station(paths.root, paths.name) if finding.level is Level.FAULT
    ]


def set_key(paths: StationPaths, section: str, line: str) -> None:
    text = paths.settings.read_text()
    assert f"\n[{section}]\n" in text
    paths.settings.write_text(text.replace(f"\n[{section}]\n", f"\n[{section}]\n{line}\n"))


def test_a_new_station_is_well(paths: StationPaths) -> None:
    ran = run("check", "line1", "--root", paths.root)
    assert ran.returncode == 0, ran.stdout
    assert "fault" not in ran.stdout


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station whose camera plays rendered parts; not to be changed."""
    root = tmp_path_factory.mktemp("emulated")
    provision(root, "line1", CameraChoice("emulated"))
    return StationPaths(root, "line1")


def test_a_camera_is_opened_and_delivers_a_frame(emulated: StationPaths) -> None:
    said = [
        finding for finding in check_station(emulated.root, "line1") if finding.area == "camera top"
    ]
    assert {finding.level for finding in said} == {Level.OK}
    assert "1280 x 1024" in said[-1].message


def test_the_camera_of_a_running_station_is_left_alone(emulated: StationPaths) -> None:
    with StationLock(emulated.lock("capture")):
        said = [
            finding
            for finding in check_station(emulated.root, "line1")
            if finding.area == "camera top"
        ]
    assert len(said) == 1
    assert f"in use by the running station, process {os.getpid()}" in said[0].message


@pytest.fixture
def played(tmp_path: Path) -> StationPaths:
    """A station whose camera plays three small images."""
    images = tmp_path / "images"
    write_series(images, seed=1, count=3, size=(320, 256), suffix=".pgm")
    provision(tmp_path, "line1", CameraChoice("folder", images=images))
    return StationPaths(tmp_path, "line1")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a write takes is this machine's affair."""
    monkeypatch.setattr(directories, "SLOW_WRITE_MS", math.inf)


@pytest.mark.usefixtures("patient")
def test_starting_bounds_are_a_warning(played: StationPaths) -> None:
    warnings = [f for f in check_station(played.root, "line1") if f.level is Level.WARNING]
    assert [(f.area, f.hint.endswith("qc-edge calibrate line1")) for f in warnings] == [
        ("calibration top", True)
    ]


def test_frames_of_another_size_than_calibrated_are_a_fault(played: StationPaths) -> None:
    calibrate(played, width=640, height=480)
    [fault] = faults(played)
    assert (fault.area, fault.exit_code) == ("camera top", 65)
    assert fault.message == "frames are 320 x 256, calibrated for 640 x 480"


def test_an_expired_calibration_is_a_fault(played: StationPaths) -> None:
    calibrate(played, due_at=datetime(2026, 1, 1, tzinfo=timezone.utc))
    [fault] = faults(played)
    assert (fault.area, fault.exit_code) == ("calibration top", 65)
    assert "expired on 2026-01-01" in fault.message


def test_a_missing_calibration_and_an_empty_camera_are_reported_together(
    played: StationPaths,
) -> None:
    shutil.rmtree(played.calibration / "top")
    shutil.rmtree(played.root / "images")
    assert [(fault.area, fault.exit_code) for fault in faults(played)] == [
        ("calibration top", 65),
        ("camera top", 69),
    ]


@pytest.mark.usefixtures("patient")
def test_a_station_that_can_get_no_frames_is_a_warning(paths: StationPaths) -> None:
    set_key(paths, "incoming", "enabled = false")
    warnings = [f for f in check_station(paths.root, "line1") if f.level is Level.WARNING]
    assert [f.area for f in warnings] == ["camera"]


def calibrate(paths: StationPaths, **changes: Any) -> None:
    """Put a calibration in force that differs from the starting one in `changes`."""
    start = starting_calibration("line1", "top", datetime.now(timezone.utc) + timedelta(hours=1))
    calibrations.write(paths.calibration, replace(start, starting=False, **changes))


def test_an_unknown_station_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    checked = invoke("check", "line1", "--root", tmp_path, "--json")
    assert checked.exit_code == 66
    assert json.loads(checked.output)["findings"][0]["hint"] == "make it: qc-edge init line1"


def test_without_a_name_all_stations_are_checked(paths: StationPaths) -> None:
    provision(paths.root, "line2", CameraChoice(None))
    checked = json.loads(invoke("check", "--root", paths.root, "--json").output)
    assert {finding["station"] for finding in checked["findings"]} == {"line1", "line2"}


def test_without_any_station_init_is_proposed(tmp_path: Path) -> None:
    ran = run("check", "--root", tmp_path)
    assert ran.returncode == 66
    assert "qc-edge init line1" in ran.stderr


def test_too_little_room_is_a_fault(paths: StationPaths) -> None:
    set_key(paths, "storage", "stop_free_mb = 1e12\nwarn_free_mb = 1e12")
    [fault] = faults(paths)
    assert (fault.area, fault.exit_code) == ("disk", 74)
    assert "capture stops below" in fault.message
    assert fault.hint


def test_little_room_is_a_warning(paths: StationPaths) -> None:
    set_key(paths, "storage", "warn_free_mb = 1e12")
    assert faults(paths) == []
    assert any(finding.level is Level.WARNING for finding in check_station(paths.root, "line1"))


def test_a_model_that_is_not_there_is_a_fault(paths: StationPaths) -> None:
    set_key(paths, "model", 'bundle = "nothing@1"')
    [fault] = faults(paths)
    assert (fault.area, fault.exit_code) == ("model", 65)


def test_the_golden_frames_go_through_the_engine(paths: StationPaths) -> None:
    said = [
        finding.message for finding in check_station(paths.root, "line1") if finding.area == "model"
    ]
    assert said[0].startswith("reference@1, model sha256 ")
    assert "golden frames agree" in said[1]


def test_a_shadow_is_looked_at_too(paths: StationPaths) -> None:
    set_key(paths, "shadow", 'bundle = "reference@1"')
    said = [
        finding.message for finding in check_station(paths.root, "line1") if finding.area == "model"
    ]
    assert said[2].startswith("shadow reference@1, model sha256 ")


def test_a_shadow_that_is_not_there_is_a_fault(paths: StationPaths) -> None:
    set_key(paths, "shadow", 'bundle = "refrence@1"')
    [fault] = faults(paths)
    assert "did you mean 'reference@1'" in fault.message


def test_a_station_that_only_captures_needs_no_model(paths: StationPaths) -> None:
    set_key(paths, "station", 'roles = ["capture"]')
    set_key(paths, "model", 'bundle = "nothing@1"')
    assert faults(paths) == []


def test_several_faults_are_reported_together(paths: StationPaths) -> None:
    shutil.rmtree(paths.evidence)
    shutil.rmtree(paths.incoming)
    assert {fault.area for fault in faults(paths)} == {"disk", "incoming"}


def test_an_incoming_directory_that_is_a_link_is_a_fault(
    paths: StationPaths, tmp_path: Path
) -> None:
    paths.incoming.rmdir()
    paths.incoming.symlink_to(tmp_path)
    assert "incoming" in {fault.area for fault in faults(paths)}


def test_an_incoming_directory_from_which_nothing_can_be_moved_is_a_fault(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.parent == paths.incoming:
            raise OSError(code, os.strerror(code))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    code = errno.EPERM
    assert "no file can be moved" in " ".join(fault.message for fault in faults(paths))
    code = errno.EXDEV
    assert not faults(paths)
    assert not list(paths.incoming.iterdir())


def test_an_incoming_directory_for_everybody_is_a_warning(paths: StationPaths) -> None:
    paths.incoming.chmod(0o777)
    said = [
        finding for finding in check_station(paths.root, "line1") if finding.level is Level.WARNING
    ]
    assert "incoming" in [finding.area for finding in said]


def test_a_check_leaves_nothing_behind(paths: StationPaths) -> None:
    before = sorted(paths.root.rglob("*"))
    check_station(paths.root, "line1")
    assert sorted(paths.root.rglob("*")) == before


def test_the_exit_code_is_that_of_the_first_fault() -> None:
    findings = [
        Finding(Level.OK, "room", area="disk"),
        Finding(Level.FAULT, "torn", "install it again", 65, "model"),
        Finding(Level.FAULT, "gone", "cable", 69, "camera top"),
    ]
    assert worst_exit_code(findings) == 65
    assert worst_exit_code(findings[:1]) == 0
