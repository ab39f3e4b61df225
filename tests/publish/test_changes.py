"""What can alter a verdict and has changed is an event with before and after, live or between two
runs.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Engine
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from tests.publish.rows import asked
from tests.station.harness import Running, configure, drop, make_station, part, running
from tests.station.twins import Plan, by_corner, dependencies

Event = dict[str, Any]

OFTEN: dict[str, Any] = {"publish_every_s": 0.2}
"""Settings of a store whose start is soon published; each of these tests waits for that."""


def events(paths: StationPaths) -> list[Event]:
    """What the published log tells, in order; nothing before its first file."""
    if not any(paths.published.glob("events/*/*.parquet")):
        return []
    names = ("kind", "detail", "before", "after", "who", "why")
    found = asked(
        f"SELECT {', '.join(names)} FROM read_parquet(?) ORDER BY chain_seq",
        f"{paths.published}/events/*/*.parquet",
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def of(paths: StationPaths, kind: str) -> list[Event]:
    """The events of one kind."""
    return [event for event in events(paths) if event["kind"] == kind]


def run_once(paths: StationPaths, **given: Any) -> None:
    """Start the station and stop it."""
    before = starts(paths)
    with running(paths, replace(dependencies(Plan()), **given)) as station:
        wait_until_published(station, paths, before)


def starts(paths: StationPaths) -> int:
    """How many starts the published log tells of."""
    return len(of(paths, "started"))


def wait_until_published(station: Running, paths: StationPaths, before: int) -> None:
    """Until this start is published, and every other table: from then on a stop publishes what is
    new.
    """
    worker = station.station._publication
    assert worker is not None
    station.wait_for(lambda: worker.ready.is_set() and starts(paths) > before, "a published start")


def test_the_first_start_tells_what_is_in_force(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)
    (told,) = of(paths, "in_force")
    now = json.loads(told["after"])
    assert now["model"].startswith("corner@1 sha256 ")
    assert now["calibrations"].keys() == {INCOMING}
    assert now["threshold"] == "corner@1:0.5"
    assert [event["kind"] for event in events(paths)] == ["in_force", "started", "stopped"]


def test_a_row_leads_to_the_settings_that_it_was_judged_by(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    with running(paths) as station:
        wait_until_published(station, paths, 0)
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
    ((digest,),) = asked(
        "SELECT settings_digest FROM read_parquet(?)", f"{paths.published}/inspections/*/*.parquet"
    )
    kept = (paths.settings_history / f"{digest}.json").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == digest
    assert json.loads(kept)["inspect"]["prepare_threads"] == 2


def test_a_start_that_changes_nothing_tells_nothing(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)
    run_once(paths)
    assert [event["kind"] for event in events(paths)] == [
        "in_force",
        "started",
        "stopped",
        "started",
        "stopped",
    ]


def test_settings_that_changed_between_two_runs_are_told_one_by_one(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)
    configure(
        paths,
        inspect={"batch_max": 4, "prepare_threads": 2},
        station={"deadline_ms": 5.0},
        storage=OFTEN,
    )
    run_once(paths)
    told = {(event["detail"], event["before"], event["after"]) for event in of(paths, "settings")}
    assert told == {
        ("inspect.batch_max: 16 -> 4 (found at the start)", "16", "4"),
        ("station.deadline_ms: 60000.0 -> 5.0 (found at the start)", "60000.0", "5.0"),
    }
    assert len(of(paths, "in_force")) == 2


def test_a_setting_changed_live_is_told_once(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        configure(paths, storage={"publish_every_s": 0.2})
        station.supervisor.reload()
        station.wait_for(lambda: of(paths, "settings"), "the change, published within its new pace")
    run_once(paths)
    (told,) = of(paths, "settings")
    assert (told["before"], told["after"]) == ("5.0", "0.2")
    assert len(of(paths, "in_force")) == 2


def test_another_engine_is_recorded(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)

    def newer(bundle: Bundle, *_: object) -> Engine:
        engine = ScriptedEngine(by_corner(), bundle.golden_frames)
        engine.info = replace(engine.info, version="99")
        return engine

    run_once(paths, load_engine=newer)
    (told,) = of(paths, "engine")
    assert "99" in told["after"]
    assert "99" not in told["before"]
    run_once(paths)
    assert len(of(paths, "engine")) == 2


def test_a_calibration_made_while_the_station_was_down_is_recorded(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)
    old = calibrations.load_current(paths.calibration, INCOMING)
    now = utc_now().replace(microsecond=0)
    new = replace(
        old,
        calibration_id=f"{now:%Y%m%dT%H%M%SZ}-{INCOMING}",
        made_at=now,
        made_by="Ada",
        due_at=now + timedelta(days=9),
    )
    calibrations.write(paths.calibration, new)
    run_once(paths)
    (told,) = of(paths, "calibration")
    assert (told["before"], told["after"]) == (old.calibration_id, new.calibration_id)
    assert f"by Ada, due {new.due_at:%Y-%m-%d}" in told["detail"]


def test_the_journal_says_an_event_in_the_same_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = make_station(tmp_path, storage=OFTEN)
    run_once(paths)
    configure(paths, inspect={"batch_max": 4}, storage=OFTEN)
    with caplog.at_level(logging.INFO, "qc_edge"):
        run_once(paths)
    said = {
        record.QC_EVENT: record.getMessage()
        for record in caplog.records
        if hasattr(record, "QC_EVENT")
    }
    for kind in ("settings", "started", "stopped"):
        assert any(said[kind].endswith(event["detail"]) for event in of(paths, kind)), kind
