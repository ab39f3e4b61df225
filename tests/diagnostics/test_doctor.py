"""A whole station under the doctor's eye: at rest, at work, in trouble."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qc_edge.diagnostics import disk_health
from qc_edge.diagnostics.doctor import Diagnosis, examine
from qc_edge.diagnostics.finding import Finding, Level
from qc_edge.diagnostics.host import Host
from qc_edge.service.lock import StationLock
from qc_edge.store.durable import Disk
from tests.cli.runner import invoke
from tests.station.harness import configure, drop, make_station, part, running
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "trigger": "hardware"}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A box that tells nothing."""
    return Host(tmp_path / "box", "")


def of(diagnosis: Diagnosis, area: str) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.area == area]


def test_a_station_at_rest_is_amber_and_says_how_to_start_it(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path)
    (paths.frames / "20261122T141507123456Z-top.pgm").touch()
    found = examine(tmp_path, "line1", host)
    assert of(found, "station")[0].message == "not running"
    assert of(found, "station")[0].hint == f"qc-edge run line1 --root {tmp_path}"
    assert "1 frames wait" in of(found, "spool")[0].message


def test_a_station_at_work_is_told_from_its_status(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path, CAMERA)
    with running(paths, dependencies(Plan(camera="3f x f"))) as station:
        drop(paths, "good.png", part())
        station.wait_until_inspected(5)
        station.wait_for_status(
            lambda status: status.today and status.today.lost, "the loss counted"
        )
        station.wait_for_status(lambda status: status.spool_depth == 0, "an empty spool")
        found = examine(tmp_path, "line1", host)
    said = {finding.message for finding in of(found, "station")}
    assert "READY" in said
    assert "0 frames wait" in said
    camera = next(f for f in of(found, "station") if f.message.startswith("top: scripted"))
    assert (camera.level, "5 triggers, 1 lost" in camera.message) == (Level.WARNING, True)
    assert of(found, "camera top")[0].message.startswith("in use by the running station")
    assert any("room for" in finding.message for finding in of(found, "disk room"))


def test_trouble_is_red_in_the_station_s_own_words_with_the_page_to_read(
    tmp_path: Path, host: Host
) -> None:
    paths = make_station(tmp_path, CAMERA)
    given = dependencies(Plan(camera="6f l 100o", rate_hz=4))
    with running(paths, given) as station:
        station.wait_for_status(lambda status: not status.ready, "the camera is missed")
        station.wait_for(lambda: not json.loads(paths.status.read_bytes())["ready"], "written")
        found = examine(tmp_path, "line1", host)
    red = next(f for f in of(found, "station") if f.level is Level.FAULT)
    assert red.message.startswith(("camera top is lost", "camera top refuses"))
    assert "technician.md: A camera is missing or lost" in red.hint
    assert (found.colour, found.exit_code) == ("red", 2)


def test_a_status_that_stands_still_is_red(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path)
    with running(paths):
        status = json.loads(paths.status.read_bytes())
    paths.status.write_text(
        json.dumps(status | {"monotonic_ns": status["monotonic_ns"] - 60_000_000_000})
    )
    with StationLock(paths.lock("inspect")):
        red = of(examine(tmp_path, "line1", host), "station")[0]
    assert red.level is Level.FAULT
    assert red.message.startswith("no answer for 6")
    assert "technician.md: A worker is silent" in red.hint


def test_settings_that_do_not_read_leave_the_box_to_look_at(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path)
    paths.settings.write_text("[station]\nname = 5\n")
    found = examine(tmp_path, "line1", host)
    assert of(found, "settings")[0].level is Level.FAULT
    assert of(found, "software")
    assert found.exit_code == 2


def test_an_answer_that_reads_otherwise_hides_nothing(tmp_path: Path) -> None:
    make_station(tmp_path)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/journalctl"
    program.write_text("#!/bin/sh\nprintf 'garbage'\n")
    program.chmod(0o755)
    found = examine(tmp_path, "line1", Host(tmp_path / "box", str(program.parent)))
    assert of(found, "errors")[0].level is Level.WARNING
    assert of(found, "software")


def test_events_stand_in_where_there_is_no_journal(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path, CAMERA)
    with running(paths, dependencies(Plan(camera="f l f"))) as station:
        station.wait_for_status(lambda status: status.cameras[0].reopened, "it came back")
        station.wait_until_idle()
    said = of(examine(tmp_path, "line1", host), "errors")[0]
    assert said.level is Level.WARNING
    assert "1 camera_lost" in said.message


def test_a_disk_that_fills_is_told_in_days(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(10):
            drop(paths, f"{number}.png", part(seed=number))
        station.wait_until_inspected(10)
    free_mb = Disk().free_bytes(paths.state) / 1e6
    configure(paths, storage={"stop_free_mb": 2 * free_mb, "warn_free_mb": 2 * free_mb})
    room = of(examine(tmp_path, "line1", host), "disk room")[0]
    assert (room.level, "0 days" in room.message) == (Level.FAULT, True)


def test_the_command_reads_well_at_eighty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_station(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    ran = invoke("doctor", "line1", "--root", tmp_path)
    assert ran.exit_code in {1, 2}
    assert max(map(len, ran.stdout.splitlines())) <= 80
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("line1  ")
    first = [line.split()[0] for line in lines[1:] if line.strip() and line[1:6].strip()]
    order = {"red": 0, "amber": 1, "green": 2}
    ranks = [order[word] for word in first if word in order]
    assert ranks == sorted(ranks)
    assert len(ranks) > 10


def test_the_report_for_scripts(tmp_path: Path) -> None:
    make_station(tmp_path)
    ran = invoke("doctor", "--root", tmp_path, "--json")
    report = json.loads(ran.stdout)
    assert report["stations"][0]["station"] == "line1"
    assert {finding["colour"] for finding in report["stations"][0]["findings"]} <= {
        "green",
        "amber",
        "red",
    }
    assert ran.exit_code == {"green": 0, "amber": 1, "red": 2}[report["colour"]]


def test_the_exit_code_is_the_worst_colour() -> None:
    green = Finding(Level.OK, "")
    amber, red = (
        replace(green, level=Level.WARNING),
        replace(green, level=Level.FAULT, exit_code=78),
    )
    for findings, colour, code in (
        ((green,), "green", 0),
        ((green, amber), "amber", 1),
        ((red, amber), "red", 2),
    ):
        assert (Diagnosis("line1", findings).colour, Diagnosis("line1", findings).exit_code) == (
            colour,
            code,
        )


def test_it_takes_a_few_seconds(tmp_path: Path, host: Host) -> None:
    make_station(tmp_path)
    begun = time.monotonic()
    examine(tmp_path, "line1", host)
    assert time.monotonic() - begun < 20


def test_a_young_station_is_taken_to_go_on_as_it_began(tmp_path: Path, host: Host) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(5):
            drop(paths, f"{number}.png", part(seed=number))
        station.wait_until_inspected(5)
    young = disk_health._bytes_a_day(paths)
    for hour in paths.journal.glob("*.jsonl"):
        (paths.journal / "2026-01-01T00.jsonl").write_bytes(hour.read_bytes())
    os.utime(paths.journal / "2026-01-01T00.jsonl", (0, 0))
    assert young > 6 * disk_health._bytes_a_day(paths) > 0
