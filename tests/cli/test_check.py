"""`qc-edge check` finds every fault of a station at once and says what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qc_edge.checkup import Finding, Level, check_station, worst_exit_code
from qc_edge.provision import CameraChoice, provision
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke, run


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station without a camera."""
    provision(tmp_path, "line1", CameraChoice(None))
    return StationPaths(tmp_path, "line1")


def faults(paths: StationPaths) -> list[Finding]:
    return [finding for finding in check_station(paths.root, paths.name) if finding.level is Level.FAULT]


def set_key(paths: StationPaths, section: str, line: str) -> None:
    text = paths.settings.read_text()
    assert f"\n[{section}]\n" in text
    paths.settings.write_text(text.replace(f"\n[{section}]\n", f"\n[{section}]\n{line}\n"))


def test_a_new_station_is_well(paths: StationPaths) -> None:
    ran = run("check", "line1", "--root", paths.root)
    assert ran.returncode == 0, ran.stdout
    assert "fault" not in ran.stdout


def test_an_unknown_station_is_a_settings_fault(tmp_path: Path) -> None:
    checked = invoke("check", "line1", "--root", tmp_path, "--json")
    assert checked.exit_code == 78
    assert json.loads(checked.output)["findings"][0]["hint"] == "make it: qc-edge init line1"


def test_without_a_name_all_stations_are_checked(paths: StationPaths) -> None:
    provision(paths.root, "line2", CameraChoice(None))
    checked = json.loads(invoke("check", "--root", paths.root, "--json").output)
    assert {finding["station"] for finding in checked["findings"]} == {"line1", "line2"}


def test_without_any_station_init_is_proposed(tmp_path: Path) -> None:
    ran = run("check", "--root", tmp_path)
    assert ran.returncode == 64
    assert "qc-edge init line1" in ran.stderr


def test_too_little_room_is_a_fault(paths: StationPaths) -> None:
    set_key(paths, "storage", "stop_free_mb = 1e12\nwarn_free_mb = 1e12")
    [fault] = faults(paths)
    assert (fault.area, fault.exit_code) == ("disk", 74)
    assert "capture stops below" in fault.said
    assert fault.hint


def test_little_room_is_a_warning(paths: StationPaths) -> None:
    set_key(paths, "storage", "warn_free_mb = 1e12")
    assert faults(paths) == []
    assert any(finding.level is Level.WARNING for finding in check_station(paths.root, "line1"))


def test_several_faults_are_reported_together(paths: StationPaths) -> None:
    shutil.rmtree(paths.evidence)
    shutil.rmtree(paths.incoming)
    assert {fault.area for fault in faults(paths)} == {"disk", "incoming"}


def test_an_incoming_directory_that_is_a_link_is_a_fault(paths: StationPaths, tmp_path: Path) -> None:
    paths.incoming.rmdir()
    paths.incoming.symlink_to(tmp_path)
    assert "incoming" in {fault.area for fault in faults(paths)}


def test_an_incoming_directory_for_everybody_is_a_warning(paths: StationPaths) -> None:
    paths.incoming.chmod(0o777)
    said = [finding for finding in check_station(paths.root, "line1") if finding.level is Level.WARNING]
    assert [finding.area for finding in said] == ["incoming"]


def test_a_check_leaves_nothing_behind(paths: StationPaths) -> None:
    before = sorted(paths.root.rglob("*"))
    check_station(paths.root, "line1")
    assert sorted(paths.root.rglob("*")) == before


def test_the_exit_code_is_that_of_the_first_fault() -> None:
    findings = [
        Finding("line1", "disk", Level.OK, "room"),
        Finding("line1", "model", Level.FAULT, "torn", "install it again", 65),
        Finding("line1", "camera top", Level.FAULT, "gone", "cable", 69),
    ]
    assert worst_exit_code(findings) == 65
    assert worst_exit_code(findings[:1]) == 0
