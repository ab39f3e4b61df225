"""The archive for the vendor: what is in it, and what must never be."""

from __future__ import annotations

import hashlib
import json
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.support.bundle import pack
from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.station.harness import BAD, drop, encoded, make_station, part, running

PLANTED = {
    "password": "hunter2-in-settings",
    "url": "pw-in-a-url",
    "comment": "old-pw-in-a-comment",
    "unit": "token-in-a-unit",
    "nested": "nested-key-material",
    "journal": "bearer-in-the-journal",
}
SETTINGS = f"""
# was: password = "{PLANTED["comment"]}"
[uplink]
endpoint = "s3://joe:{PLANTED["url"]}@minio.plant/qc"
password = "{PLANTED["password"]}"
[uplink.headers]
signing = {{ key = "{PLANTED["nested"]}" }}
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A box with a journal, a unit and an override, all of which carry secrets."""
    base, programs = tmp_path / "box", tmp_path / "bin"
    programs.mkdir()
    said = (
        f"2026-11-23T03:14:15 box qc-edge: PUT refused for {PLANTED['password']}, Bearer "
        f"{PLANTED['journal']}"
    )
    for name, text in {
        "journalctl": said,
        "systemctl": f"Environment=A_TOKEN={PLANTED['unit']}",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\nprintf '%s\\n' '{text}'\n")
        (programs / name).chmod(0o755)
    override = base / "etc/systemd/system/qc-edge@line1.service.d/override.conf"
    override.parent.mkdir(parents=True)
    override.with_name("qc-edge-x.service").write_text("")
    (base / "etc/systemd/system/qc-edge-own.service").write_text(
        f"Environment='B_TOKEN={PLANTED['unit']}'\n"
    )
    return Host(base, str(programs))


@pytest.fixture
def station(tmp_path: Path) -> StationPaths:
    """A station that has inspected three parts, one named like a secret."""
    paths = make_station(tmp_path)
    with running(paths) as run:
        drop(paths, "good.png", part())
        drop(paths, "bad.png", part(BAD))
        drop(paths, f"token={PLANTED['unit']}.png", encoded(part(seed=2), ".png"))
        run.wait_until_inspected(3)
    return paths


def opened(archive: Path) -> dict[str, bytes]:
    """The files in the archive, by their names below its one folder."""
    with tarfile.open(archive) as tar:
        files = {
            member.name.partition("/")[2]: tar.extractfile(member) for member in tar.getmembers()
        }
        assert {member.name.partition("/")[0] for member in tar.getmembers()} == {archive.name[:-7]}
        return {name: file.read() for name, file in files.items() if file}


@pytest.mark.parametrize("broken", [False, True], ids=["valid TOML", "broken TOML"])
def test_no_planted_secret_is_anywhere_in_the_archive(
    station: StationPaths, host: Host, tmp_path: Path, broken: bool
) -> None:
    station.settings.write_text(
        station.settings.read_text() + SETTINGS + ("oops" if broken else "")
    )
    pack(station, tmp_path / "out.tar.gz", 3, host)
    files = opened(tmp_path / "out.tar.gz")
    for name, data in files.items():
        for kind, secret in PLANTED.items():
            assert secret.encode() not in data, f"the one in {kind} is in {name}"
            assert secret not in name
    assert ("settings.txt" if broken else "settings.json") in files
    assert b"PUT refused for (removed)" in files["journal.txt"]


def test_what_is_inside(station: StationPaths, host: Host, tmp_path: Path) -> None:
    packed = pack(station, tmp_path / "out.tar.gz", 0, host)
    files = opened(tmp_path / "out.tar.gz")
    for name in (
        "versions.json",
        "settings.json",
        "status.json",
        "doctor.json",
        "journal.txt",
        "log/schema.sql",
        "log/counts.json",
        "log/inspections.csv",
        "log/events.csv",
        "models/corner-1.toml",
        "files.txt",
        "units/qc-edge@line1.txt",
    ):
        assert files[name], name
    assert any(name.startswith("calibration/incoming/") for name in files)
    assert not any(name.startswith("images/") for name in files)
    rows = files["log/inspections.csv"].decode().splitlines()
    assert rows[0].startswith("frame_id,recorded_at,part_id")
    assert len(rows) == 4
    counts: dict[str, Any] = json.loads(files["log/counts.json"])
    assert counts["by_table"]["inspections"] == 3
    manifest = json.loads(files["manifest.json"])
    assert {each["name"] for each in manifest["files"]} == set(files) - {"manifest.json"}
    for each in manifest["files"]:
        data = files[each["name"]]
        assert (each["size"], each["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert [each.name for each in packed] == [each["name"] for each in manifest["files"]]


def test_images_only_when_asked_for(station: StationPaths, host: Host, tmp_path: Path) -> None:
    pack(station, tmp_path / "out.tar.gz", 2, host)
    pictures = [name for name in opened(tmp_path / "out.tar.gz") if name.startswith("images/")]
    assert sum(".raw." in name for name in pictures) == 2
    assert sum(".prepared." in name for name in pictures) == 2


def test_a_calibration_goes_without_its_picture(
    station: StationPaths, host: Host, tmp_path: Path
) -> None:
    record = next(station.calibration.glob("*/*.toml"))
    record.write_text(
        f'{record.read_text()}\n[framing]\nwidth = 1\nheight = 1\npng = "aGVsbG8gcGljdHVyZQ=="\n'
    )
    pack(station, tmp_path / "out.tar.gz", 0, host)
    files = opened(tmp_path / "out.tar.gz")
    assert not any(b"aGVsbG8gcGljdHVyZQ" in data for data in files.values())


def test_only_its_owner_may_read_it_and_none_is_overwritten(
    station: StationPaths, host: Host, tmp_path: Path
) -> None:
    out = tmp_path / "out.tar.gz"
    pack(station, out, 0, host)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = out.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        pack(station, out, 0, host)
    assert out.read_bytes() == before


def test_a_station_that_never_ran_and_one_that_is_none(tmp_path: Path, host: Host) -> None:
    pack(make_station(tmp_path), tmp_path / "out.tar.gz", 5, host)
    assert "doctor.json" in opened(tmp_path / "out.tar.gz")
    with pytest.raises(UsageError, match="there is no station 'line9'"):
        pack(StationPaths(tmp_path, "line9"), tmp_path / "none.tar.gz", 0, host)
    assert not (tmp_path / "none.tar.gz").exists()


def test_the_command_says_what_is_in_it(station: StationPaths, tmp_path: Path) -> None:
    out = tmp_path / "line1.tar.gz"
    ran = invoke("support-bundle", "line1", "--root", station.root, "--out", out)
    assert ran.exit_code == 0, ran.output
    for words in ("doctor.json", "log/inspections.csv", "no images", str(out)):
        assert words in ran.stdout.replace("\n", ""), words
