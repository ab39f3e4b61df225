"""Settings in layers: what all stations share, a station's own above it, and who said what."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qc_edge.errors import RightsError, SettingsError
from qc_edge.settings import Settings, StationPaths, load_settings, settings_digest
from tests.cli.runner import invoke

OWN = '[station]\nname = "line1"\n'
PLANT = """\
[station]
time_zone = "Europe/Berlin"
deadline_ms = 800

[model]
threshold = 0.4
trusted_keys = []

[[camera]]
name = "top"
backend = "basler"
exposure_us = 3000
"""


def read(root: Path, own: str = OWN, **common: str) -> Settings:
    """The settings of line1 with these files of common.d, by name."""
    paths = StationPaths(root, "line1")
    shared = paths.settings.parent / "common.d"
    shared.mkdir(parents=True, exist_ok=True)
    for name, text in common.items():
        (shared / f"{name}.toml").write_text(text)
    paths.settings.write_text(own)
    return load_settings(paths.settings)


def test_what_stations_share_is_in_force_until_one_says_otherwise(tmp_path: Path) -> None:
    shared = read(tmp_path, a_plant=PLANT)
    assert (shared.station.deadline_ms, shared.model.threshold) == (800, 0.4)
    own = read(tmp_path, OWN + "[model]\nthreshold = 0.6\n", a_plant=PLANT)
    assert (own.station.time_zone, own.model.threshold) == ("Europe/Berlin", 0.6)


def test_the_later_name_goes_first_among_the_shared_files(tmp_path: Path) -> None:
    settings = read(tmp_path, a_plant=PLANT, b_hall="[model]\nthreshold = 0.5\n")
    assert settings.model.threshold == 0.5


def test_a_station_adds_the_serial_to_a_camera_that_is_shared(tmp_path: Path) -> None:
    camera = '[[camera]]\nname = "top"\nserial = "40012345"\n'
    side = '[[camera]]\nname = "side"\nbackend = "basler"\n'
    settings = read(tmp_path, OWN + side + camera, a_plant=PLANT)
    assert [each.name for each in settings.camera] == ["top", "side"]
    assert (settings.camera[0].serial, settings.camera[0].exposure_us) == ("40012345", 3000)


def test_the_same_camera_twice_in_one_file_stays_a_fault(tmp_path: Path) -> None:
    camera = '[[camera]]\nname = "top"\n'
    with pytest.raises(SettingsError, match="given twice: top"):
        read(tmp_path, OWN + camera + camera, a_plant=PLANT)


def test_each_fault_names_the_file_and_the_line_that_it_stands_in(tmp_path: Path) -> None:
    own = OWN + '[[camera]]\nname = "side"\nexposure_us = "long"\n[model]\nbundel = "x@1"\n'
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, own, a_plant=PLANT.replace("800", '"soon"'), b_hall="[engine]\nx = 1\n")
    etc = tmp_path / "etc/qc-edge"
    said = [line.strip() for line in caught.value.message.splitlines()]
    assert said[0].startswith(f"{etc}/line1.toml over {etc}/common.d/b_hall.toml over ")
    assert [line.split(":", 1)[0] for line in said[1:]] == [
        f"{etc}/common.d/a_plant.toml, line 3, station.deadline_ms",
        f"{etc}/common.d/b_hall.toml, line 2, engine.x",
        f"{etc}/line1.toml, line 5, camera[side].exposure_us",
        f"{etc}/line1.toml, line 7, model.bundel",
    ]


def test_a_shared_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"common\.d/b\.toml is not valid TOML"):
        read(tmp_path, b="[model\n")


def test_shared_files_that_may_not_be_read_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, a=PLANT)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # on the way to it are directories of this user alone
    Path("etc/qc-edge/common.d").chmod(0)
    me = os.geteuid()
    os.seteuid(me or 65534)
    try:
        with pytest.raises(RightsError, match=r"common\.d: this user may not read it"):
            load_settings(Path("etc/qc-edge/line1.toml"))
    finally:
        os.seteuid(me)


def test_a_shared_file_gives_no_station_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"b\.toml, line 2, station\.name"):
        read(tmp_path, b=OWN)


def test_the_digest_covers_the_result_wherever_it_stands(tmp_path: Path) -> None:
    shared = read(tmp_path / "a", a=PLANT)
    alone = read(tmp_path / "b", PLANT.replace("[station]", OWN))
    assert settings_digest(shared) == settings_digest(alone)
    changed = read(tmp_path / "a", a=PLANT.replace("0.4", "0.5"))
    assert settings_digest(changed) != settings_digest(shared)


def test_each_setting_is_shown_with_the_file_it_comes_from(tmp_path: Path) -> None:
    read(tmp_path, OWN + "[model]\nthreshold = 0.6\n", a_plant=PLANT)
    told = json.loads(invoke("settings", "show", "line1", "--root", tmp_path, "--json").output)
    shown = {each["name"]: each for each in told["settings"]}
    etc = tmp_path / "etc/qc-edge"
    threshold = shown["model.threshold"]
    assert (threshold["file"], threshold["line"]) == (f"{etc}/line1.toml", 4)
    assert threshold["over"] == [f"{etc}/common.d/a_plant.toml:6"]
    assert shown["camera.top.exposure_us"]["file"] == f"{etc}/common.d/a_plant.toml"
    assert shown["camera.top.gain_db"]["file"] is None
    plain = invoke("settings", "show", "line1", "model.threshold", "--root", tmp_path).output
    assert "0.6" in plain
    assert "a_plant.toml:6" in plain
    assert invoke("settings", "show", "line1", "modle", "--root", tmp_path).exit_code
