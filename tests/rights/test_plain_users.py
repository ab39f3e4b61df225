"""A plain user is told what to do, and never that the station is ill."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.errors import RIGHTS_HINT
from qc_edge.settings import StationPaths
from tests.rights.stations import STRANGER, USER, give, owned_station, run_as
from tests.station.harness import NAME

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")

VERBS = {
    "status": ("status", NAME),
    "check": ("check", NAME),
    "support-bundle": ("support-bundle", NAME, "--out", "/dev/shm/qc-edge-none.tar.gz"),
    "threshold": ("threshold", NAME),
    "threshold set": ("threshold", NAME, "set", "0.4", "--yes", "--by", "eve", "--reason", "x"),
    "calibrate": ("calibrate", NAME, "--by", "eve"),
    "part": ("part", NAME, "1"),
    "report": ("report", NAME),
    "token": ("token", NAME, "list"),
    "label": ("label", NAME, "1", "good", "--by", "eve"),
    "labels": ("labels", NAME, "list"),
    "dispute": ("dispute", NAME, "1", "--by", "eve", "--why", "x"),
    "review": ("review", NAME, "next", "--by", "eve"),
    "verify": ("verify", NAME),
    "replay": ("replay", NAME, "--threshold", "0.4"),
    "sql": ("sql", NAME, "SELECT 1"),
    "export": ("export", NAME, "/dev/shm/qc-edge-none.duckdb"),
    "run": ("run", NAME),
    "model list": ("model", "list", NAME),
    "model activate": ("model", "activate", NAME, "corner@1", "--by", "eve", "--reason", "x"),
}


@pytest.fixture(scope="module")
def closed() -> Iterator[StationPaths]:
    """A station as an appliance has it: its settings and state are closed to others."""
    with owned_station() as paths:
        for path in (paths.state, *paths.state.rglob("*")):
            path.chmod(0o750 if path.is_dir() else 0o640)
        paths.state.chmod(0o751)
        os.chown(paths.settings, 0, USER)
        paths.settings.chmod(0o640)
        yield paths


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_is_told_to_use_sudo_or_to_join_the_group(
    verb: str, closed: StationPaths
) -> None:
    ran = run_as(STRANGER, *VERBS[verb], "--root", closed.root)
    assert "Traceback" not in ran.stderr
    said = " ".join((ran.stdout + ran.stderr).split())
    assert "sudo" in said, said
    assert ran.returncode == 77, said


def test_the_doctor_is_amber_for_a_stranger_never_red(closed: StationPaths) -> None:
    ran = run_as(STRANGER, "doctor", NAME, "--json", "--root", closed.root)
    report = json.loads(ran.stdout)
    assert (report["colour"], ran.returncode) == ("amber", 1)
    (finding,) = (f for f in report["stations"][0]["findings"] if f["area"] == "rights")
    assert RIGHTS_HINT in finding["hint"]


def test_settings_that_everybody_may_read_do_not_make_a_bundle_of_nothing(tmp_path: Path) -> None:
    with owned_station() as paths:
        paths.state.chmod(0o751)
        paths.journal.chmod(0o750)
        out = Path(f"/dev/shm/qc-edge-{os.getpid()}.tar.gz")
        ran = run_as(STRANGER, "support-bundle", NAME, "--out", out, "--root", paths.root)
        assert ran.returncode == 77
        assert "this user may not read it" in ran.stderr
        assert not out.exists()


def test_what_the_service_may_not_read_is_red_for_root(closed: StationPaths) -> None:
    record = next(closed.calibration.glob("*/*.toml"))
    os.chown(record, 0, 0)
    try:
        for uid in (0, USER):
            ran = run_as(uid, "check", NAME, "--json", "--root", closed.root)
            faults = [f for f in json.loads(ran.stdout)["findings"] if f["level"] == "fault"]
            assert any(str(record) in fault["said"] for fault in faults)
    finally:
        os.chown(record, USER, USER)


def test_a_bundle_is_made_whatever_lies_in_the_station(closed: StationPaths) -> None:
    odd = os.fsencode(closed.incoming) + b"/pr\xfcfung"
    os.mkdir(odd)  # noqa: PTH102 (a name that is no text)
    os.mkfifo(closed.thresholds / "pipe.toml")
    (closed.thresholds / "secret.toml").symlink_to("/etc/shadow")
    (closed.thresholds / "folder.toml").mkdir()
    (closed.thresholds / "latin.toml").write_bytes(b'by = "J\xfcrgen"\n')
    give(closed.state)
    out = closed.root / "bundle.tar.gz"
    ran = run_as(0, "support-bundle", NAME, "--out", out, "--root", closed.root)
    assert ran.returncode == 0, ran.stderr
    with tarfile.open(out) as archive:
        files = {
            member.name.partition("/")[2]: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }
    assert b"pr\\udcfcfung" in files["files.txt"]
    assert b"no plain file" in files["thresholds/pipe.toml"]
    assert b"not read" in files["thresholds/secret.toml"]
    assert b"no plain file" in files["thresholds/folder.toml"]
    assert b"J\\xfcrgen" in files["thresholds/latin.toml"]
    subprocess.run(["rm", "-r", odd, *closed.thresholds.iterdir()], check=True)
