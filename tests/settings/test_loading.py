"""A settings file: all faults at once, each with its line, its place and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.errors import SettingsError, StationAbsentError
from qc_edge.settings import Role, Trigger, load_settings, parse_settings

GOOD = '[station]\nname = "line1"\n'


def faults_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "line1.toml")
    assert caught.value.hint
    return [line.strip() for line in caught.value.message.splitlines()]


def test_the_shortest_settings_are_a_name() -> None:
    settings = parse_settings(GOOD, "line1.toml")
    assert settings.station.roles == (Role.CAPTURE, Role.INSPECT)
    assert settings.camera == ()
    assert settings.storage.warn_free_mb >= settings.storage.stop_free_mb


def test_all_faults_are_reported_together_in_the_order_of_the_file() -> None:
    faults = faults_of(
        GOOD
        + 'deadline_ms = "soon"\n'
        + "[engine]\nthreads = 2.5\n"
        + '[[camera]]\nname = "top"\nbackend = "folder"\nexposure_us = inf\n'
        + "[[camera]]\nserial = 123\n"
    )
    assert faults == [
        "line1.toml has 7 faults:",
        'line 3, station.deadline_ms: got "soon", expected a number',
        "line 5, engine.threads: got 2.5, expected a whole number",
        (
            "line 6, camera[top].rate_hz: missing; backend 'folder' needs its frames per second: "
            "rate_hz = 10.0"
        ),
        (
            "line 6, camera[top].images: missing; backend 'folder' plays a directory: images = "
            '"/path"'
        ),
        "line 9, camera[top].exposure_us: got Infinity, expected a finite number",
        "line 10, camera[#2].name: missing; Stands in every frame id: top, left, weld-2.",
        'line 11, camera[#2].serial: got 123, expected text in quotes: "..."',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[model]\ntreshold = 0.5\n", "model.treshold: unknown key; did you mean 'threshold'?"),
        ("[modle]\nthreshold = 0.5\n", "modle: unknown section; did you mean 'model'?"),
        ("[engine]\nqqqqqq = 1\n", "engine.qqqqqq: unknown key; known: backend, threads"),
        ('[[camera]]\nname = "top"\nexposur_us = 1\n', "unknown key; did you mean 'exposure_us'?"),
        (
            '[[camera]]\nname = "top"\ntrigger = "fre"\n',
            "expected 'free', 'hardware' or 'software'",
        ),
        ('[[camera]]\nname = "top"\nroi = [0, 0, 9]\n', "[x, y, width, height]"),
        ('[[camera]]\nname = "top"\nroi = [0, 0, 0, 9]\n', "width, height >= 1"),
        ('[[camera]]\nname = "top"\npixel_format = "mono8"\n', "Mono8, Mono10"),
        ('[camera]\nname = "top"\n', "[[camera]], with two brackets"),
        ('[[camera]]\nname = "a"\n[[camera]]\nname = "a"\n', "names must differ; given twice: a"),
        ('[[camera]]\nname = "incoming"\n', "is taken by spool/incoming/"),
        ('[incoming]\npart_id_pattern = "("\n', "is no regular expression"),
        ('[incoming]\npart_id_pattern = "x+"\n', "put the part id in parentheses"),
        ("[storage]\nwarn_free_mb = 1\n", "warn before stopping"),
        ("[engine]\nthreads = true\n", "expected a whole number"),
        ("[model]\nthreshold = nan\n", "model.threshold: got NaN"),
    ],
)
def test_a_fault_says_what_was_expected(text: str, said: str) -> None:
    assert said in "\n".join(faults_of(GOOD + text))


def test_a_missing_station_section_is_named() -> None:
    assert faults_of("")[1] == "station: missing; The section [station], with the station's name."


def test_broken_toml_says_where() -> None:
    assert "is not valid TOML" in faults_of("a = b")[0]
    assert "line 1" in faults_of("a = b")[0]


def test_an_unknown_station_names_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "line1.toml").write_text(GOOD)
    with pytest.raises(StationAbsentError, match="did you mean 'line1'") as caught:
        load_settings(tmp_path / "lime1.toml")
    assert caught.value.hint == "stations here: line1"
    assert caught.value.exit_code == 66


def test_the_first_station_is_made_with_init(tmp_path: Path) -> None:
    with pytest.raises(StationAbsentError) as caught:
        load_settings(tmp_path / "line1.toml")
    assert "qc-edge init line1" in caught.value.hint


def test_a_file_that_names_another_station_is_refused(tmp_path: Path) -> None:
    (tmp_path / "line2.toml").write_text(GOOD)
    with pytest.raises(SettingsError, match="expected its file name 'line2'"):
        load_settings(tmp_path / "line2.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "line1.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot read"):
        load_settings(tmp_path / "line1.toml")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "line1.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_settings(tmp_path / "line1.toml").station.name == "line1"


def test_a_relative_directory_starts_at_the_settings_file(tmp_path: Path) -> None:
    camera = '[[camera]]\nname = "top"\nbackend = "folder"\nrate_hz = 2\nimages = "played"\n'
    (tmp_path / "line1.toml").write_text(GOOD + camera)
    settings = load_settings(tmp_path / "line1.toml")
    assert settings.camera[0].images == tmp_path / "played"
    assert settings.camera[0].trigger is Trigger.FREE


def test_an_output_has_the_keys_of_its_protocol_and_its_faults_stand_at_their_lines() -> None:
    text = (
        '[station]\nname = "line1"\n'
        '[[output]]\nname = "plc"\nprotocol = "modbus"\nlisen = "192.168.1.1:5020"\n'
        'peers = ["192.168.1.2"]\n'
        '[[output]]\nname = "robot"\nprotocol = "modbuss"\n'
        '[[output]]\nname = "test"\nprotocol = "scripted"\nlisten = "192.168.1.1:5020"\n'
    )
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, "line1.toml")
    said = str(refused.value)
    assert "line 6, output[plc].lisen: unknown key; did you mean 'listen'?" in said
    assert "line 10, output[robot].protocol: got 'modbuss', expected one of modbus" in said
    assert "line 14, output[test].listen: unknown key" in said
