"""The unit files by themselves: systemd reads them without a word, and confines what they start."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qc_edge.service.notify import NOT_RESTARTED
from qc_edge.setup.install import install
from qc_edge.setup.network import NetworkAccess
from qc_edge.setup.new_station import CameraChoice, provision
from tests.quality.tools import REPOSITORY

SYSTEMD = REPOSITORY / "systemd"
SERVICES = [
    "qc-edge@.service",
    "qc-edge-page@.service",
    "qc-edge-sync@.service",
    "qc-edge-clock.service",
]
MOST_EXPOSURE = 15
"""Tenths, of systemd-analyze security."""


@pytest.fixture
def analyze() -> str:
    """systemd-analyze. Where the merge checks run it must be there."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is missing: apt install systemd")
    return found


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box with a closed and an open station, as the systemd of this machine gets it."""
    root = tmp_path / "box"
    for name in ("closed", "open"):
        provision(root, name, CameraChoice(None))
        install(root, [name], network=NetworkAccess(name))
    for program in ("qc-edge", "python"):
        path = root / "opt/qc-edge/current/bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (root / "bin").mkdir()
    shutil.copy("/bin/sh", root / "bin/kill")
    return root


def test_systemd_reads_every_unit_without_a_word(analyze: str, box: Path) -> None:
    units = ["qc-edge@closed.service", "qc-edge@open.service", "qc-edge-sync@line1.service"]
    units += ["qc-edge-sync@line1.timer", "qc-edge.target", "qc-edge-clock.service"]
    units += ["qc-edge-gpu.service", "qc-edge-page@line1.service"]
    read = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=one", f"--root={box}", *units],
        capture_output=True,
        text=True,
    )
    missing = re.compile(
        r"Unit (\S+\.(target|slice|mount|socket|service)) not found|Failed to load unit"
    )
    said = [
        line
        for line in read.stderr.splitlines()
        # this root holds our units alone, none of systemd's
        if not missing.search(line) and "sysinit.target" not in line
    ]
    assert not said, read.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_no_service_is_more_exposed_than_it_may_be(analyze: str, unit: str) -> None:
    rated = subprocess.run(
        [
            analyze,
            "security",
            "--offline=yes",
            "--no-pager",
            f"--threshold={MOST_EXPOSURE}",
            str(SYSTEMD / "system" / unit),
        ],
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout


def test_the_gate_on_exposure_can_fail(analyze: str, tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    rated = subprocess.run(
        [
            analyze,
            "security",
            "--offline=yes",
            "--no-pager",
            f"--threshold={MOST_EXPOSURE}",
            str(bare),
        ],
        capture_output=True,
    )
    assert rated.returncode != 0


@pytest.mark.parametrize("unit", SERVICES)
def test_every_line_that_stays_open_says_why(unit: str) -> None:
    text = (SYSTEMD / "system" / unit).read_text()
    lines = text.splitlines()
    opened = re.compile(
        r"^(?!PrivateMounts)\w+=no$|^DeviceAllow=|^SystemCallFilter=(?!@|~)|^ProcSubset=all"
    )
    for number, line in enumerate(lines):
        if opened.match(line):
            block = list(reversed(lines[:number]))
            above = next((each for each in block if each.startswith("#") or not each), "")
            assert above.startswith("#"), f"{unit}: {line}: say in a comment above what needs it"


def test_the_station_is_not_restarted_on_what_only_a_person_can_mend() -> None:
    text = (SYSTEMD / "system/qc-edge@.service").read_text()
    codes = re.search(r"(?m)^RestartPreventExitStatus=(.*)$", text)
    assert codes is not None
    assert tuple(map(int, codes[1].split())) == NOT_RESTARTED


@pytest.mark.parametrize("beside", ["qc-edge-sync@.service", "qc-edge-page@.service"])
def test_what_runs_beside_the_station_is_confined_like_it(beside: str) -> None:
    """Whatever confines the station confines its sync and its page; only devices, weights and the
    clock may differ, and the page needs no netlink.
    """
    station, other = (
        dict(
            re.findall(
                r"(?m)^((?:Private|Protect|Restrict|NoNew|Capab|Lock|Key|Remove)\w*)=(.*)$", text
            )
        )
        for text in ((SYSTEMD / f"system/{unit}").read_text() for unit in (SERVICES[0], beside))
    )
    loosened = {
        key
        for key in station
        if other.get(key) != station[key] and not key.startswith("RestartPrev")
    }
    assert loosened <= {"PrivateDevices", "RestrictAddressFamilies"}


NOT_IN_THE_WHEEL = {"deb", "image", "requirements", "ansible"}
"""What builds a package or an image, and what runs on another machine: from a checkout."""


def test_the_wheel_carries_every_file() -> None:
    setup = (REPOSITORY / "setup.cfg").read_text()
    for path in SYSTEMD.rglob("*"):
        folder = path.relative_to(SYSTEMD).parent
        if path.is_file() and folder.parts[0] not in NOT_IN_THE_WHEEL:
            assert f"share/qc-edge/systemd/{folder} =\n    systemd/{folder}/*" in setup, path


NEWER = {
    "CPUWeight=idle": 252,
    "RestartSteps": 254,
    "RestartMaxDelaySec": 254,
}
"""What systemd can do from which version on: its NEWS."""


@pytest.mark.parametrize("version", [249, 252, 254])
def test_no_file_needs_a_newer_systemd_than_it_says(version: int) -> None:
    directory = SYSTEMD / ("system" if version == 249 else f"system-{version}")
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    used = {
        word
        for path in files
        for word in NEWER
        if re.search(rf"(?m)^(?!#).*\b{word}\b", path.read_text())
    }
    assert {NEWER[word] for word in used} <= {version}
    assert version == 249 or used, "nothing in it needs that version"


def test_a_drop_in_changes_only_how_the_service_is_tried_again() -> None:
    for path in SYSTEMD.glob("system-*/qc-edge@.service.d/*.conf"):
        lines = [
            line for line in path.read_text().splitlines() if line and not line.startswith("#")
        ]
        assert lines[0] == "[Service]"
        assert {line.partition("=")[0] for line in lines[1:]} <= set(NEWER)


def test_what_people_start_is_all_that_is_changed_of_the_box_itself() -> None:
    (path,) = (
        each for each in SYSTEMD.glob("system-*/*/*") if each.parent.name != "qc-edge@.service.d"
    )
    assert path.parent.name == "user.slice.d"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines == ["[Slice]", "CPUWeight=idle"]
