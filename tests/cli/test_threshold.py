"""`qc-edge threshold`: a change is on record, applies live, stands in every later row and no
earlier one.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.threshold import ThresholdRecord, record_id, record_in_force, scheduled
from qc_edge.errors import QcEdgeError, StoreError, ThresholdError, UsageError
from qc_edge.recipe.rules import Rules
from qc_edge.recipe.threshold_change import current_threshold
from qc_edge.records import thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke, run
from tests.station.audit import audit, read_log
from tests.station.harness import (
    NAME,
    Running,
    configure,
    drop,
    inspect_all,
    make_station,
    part,
    running,
)
from tests.station.twins import Plan, dependencies

SET = ("--by", "anna", "--reason", "two escapes")
LEVEL = 120  # 0.47 by the corner model
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def change(paths: StationPaths, *arguments: str) -> Any:
    """`qc-edge threshold` with --json; what it said, or the fault that it raised."""
    yes = ("--yes",) if arguments[:1] == ("set",) else ()
    result = invoke("threshold", NAME, *arguments, *yes, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    return json.loads(result.stdout)


def judge(station: Running, paths: StationPaths, name: str, already: int) -> None:
    """One more part that scores 0.47."""
    drop(paths, name, part(LEVEL, seed=already))
    station.wait_until_inspected(already + 1)


def test_a_running_station_judges_by_a_new_threshold_and_leaves_old_verdicts(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        judge(station, paths, "before.png", 0)
        said = change(paths, "set", "0.42", *SET)
        assert said["taken_up"]
        judge(station, paths, "after.png", 1)
    log = audit(paths)
    before, after = log.of("before.png"), log.of("after.png")
    assert (before["verdict"], before["threshold"], before["threshold_id"]) == (
        "PASS",
        0.5,
        "corner@1:0.5",
    )
    assert (after["verdict"], after["threshold"], after["threshold_id"]) == (
        "FAIL",
        0.42,
        said["threshold_id"],
    )
    (event,) = log.events_of("threshold")
    assert (event["before"], event["after"]) == ("corner@1:0.5", said["threshold_id"])
    assert (event["who"], event["why"]) == ("anna", "two escapes")
    assert before["chain_seq"] < event["chain_seq"] < after["chain_seq"]


def test_a_threshold_applies_at_its_time(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        soon = utc_now() + timedelta(seconds=3)
        said = change(paths, "set", "0.42", *SET, "--at", soon.isoformat())
        assert not said["taken_up"]
        judge(station, paths, "before.png", 0)
        station.wait_for_status(
            lambda status: status.threshold_id == said["threshold_id"], "the time has come"
        )
        assert utc_now() >= soon
        judge(station, paths, "after.png", 1)
    log = audit(paths)
    assert (log.of("before.png")["verdict"], log.of("after.png")["verdict"]) == ("PASS", "FAIL")


def test_a_change_while_the_station_is_stopped_gets_its_event_at_the_start_and_only_once(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    drop(paths, "before.png", part(LEVEL))
    inspect_all(paths)
    said = change(paths, "set", "0.42", *SET)
    assert not said["taken_up"]
    for name in ("after.png", "later.png"):
        drop(paths, name, part(LEVEL, seed=len(name)))
        inspect_all(paths)
    log = audit(paths)
    assert [event["after"] for event in log.events_of("threshold")] == [said["threshold_id"]]
    assert log.of("after.png")["threshold_id"] == said["threshold_id"]


def test_the_settings_are_only_the_initial_value(tmp_path: Path) -> None:
    paths = make_station(tmp_path, model={"threshold": 0.6})
    assert change(paths, "show")["threshold_id"] == "settings:0.6"
    said = change(paths, "set", "0.42", *SET)
    configure(paths, model={"threshold": 0.7})
    shown = change(paths, "show")
    assert (shown["threshold"], shown["threshold_id"]) == (0.42, said["threshold_id"])
    assert shown["initial"] == "settings:0.7"


def test_a_record_does_not_rule_another_model() -> None:
    record = made(NOON, 0.4)
    assert record_in_force([record], "other", NOON) is None
    assert record_in_force([record], "model", NOON) is record


def test_the_record_whose_time_came_last_is_in_force() -> None:
    first, planned, now = (
        made(NOON, 0.4, hours=48),
        made(NOON + timedelta(hours=1), 0.5, hours=24),
        made(NOON, 0.3),
    )
    records = [first, planned, now]
    for hours, expected in ((0, now), (24, now), (25, planned), (48, first)):
        assert record_in_force(records, "model", NOON + timedelta(hours=hours)) is expected
    assert scheduled(records, "model", NOON) == [planned, first]
    again = made(NOON + timedelta(hours=2), 0.45, hours=46)
    assert again.at == first.at
    assert record_in_force([*records, again], "model", first.at) is again


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "half", *SET), "'half' is not a number"),
        (("set", "1.5", *SET), "1.5 is outside 0..1"),
        (("set", "nan", *SET), "nan is outside 0..1"),
        (("set", "-0.4", *SET), "-0.4 is outside 0..1"),
        (("set", *SET, "-.4"), "-.4 is outside 0..1"),
        (("set", "--by", "anna", "--reason", "-5", "-1"), "-1 is outside 0..1"),
        (("set", "-inf", *SET), "-inf is outside 0..1"),
        (("set", "0,4", *SET), "'0,4' is not a number"),
        (("set", *SET), "the new threshold is missing"),
        (("set", "0.4", "--by", "", "--reason", "why"), "--by is missing"),
        (("set", "0.4", "--by", "anna"), "--reason is missing"),
        (("set", "0.4", "--by", "anna", "--reason", "two\nlines"), "--reason is no single line"),
        (("set", "0.5", *SET), "the threshold is 0.5 already"),
        (("set", "0.4", *SET, "--at", "tomorrow"), "'tomorrow' is no time"),
        (("set", "0.4", *SET, "--at", "2020-01-01"), "has passed"),
        (("show", "0.4"), "`show` takes no '0.4'"),
    ],
)
def test_a_refused_change_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    paths = make_station(tmp_path)
    with pytest.raises(UsageError, match=words):
        change(paths, *arguments)
    assert not list(thresholds.names(paths.thresholds))


def test_a_damaged_record_changes_nothing_while_the_station_runs(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        damaged = (paths.thresholds / f"{record_id(utc_now())}.toml").write_text("value = 0.1\n")
        assert damaged
        station.wait_for(lambda: refused(paths), "the record is refused")
        judge(station, paths, "after.png", 0)
    log = read_log(paths)
    assert log.of("after.png")["threshold_id"] == "corner@1:0.5"
    assert len(log.events_of("threshold_refused")) == 1


def refused(paths: StationPaths) -> bool:
    return any(
        '"kind":"threshold_refused"' in path.read_text() for path in paths.journal.glob("*.jsonl")
    )


def test_an_edited_record_stops_the_start(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    change(paths, "set", "0.42", *SET)
    (record,) = paths.thresholds.glob("*.toml")
    record.write_text(record.read_text().replace("value = 0.42", "value = 0.24"))
    fault = Running(tmp_path, dependencies(Plan())).wait_until_ended()
    assert isinstance(fault, ThresholdError)
    assert "has been changed" in fault.message


def test_a_record_can_be_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = made(NOON, 1, hours=5)
    thresholds.write(tmp_path, record)
    assert thresholds.load_all(tmp_path) == [record]
    with pytest.raises(ThresholdError, match="must be dated later"):
        thresholds.write(tmp_path, made(NOON - timedelta(hours=1), 0.3))


def test_the_history_is_shown_with_who_and_why(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    change(paths, "set", "0.42", *SET)
    change(paths, "set", "0.4", "--by", "ben", "--reason", "new light", "--at", "2999-01-01")
    said = run("threshold", NAME, "--root", tmp_path).stdout
    rows = [line for line in said.splitlines() if "corner@1" in line][1:]
    assert [("initial value" in line, "in force" in line, "to come" in line) for line in rows] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert "two escapes" in rows[1]
    assert "new light" in rows[2]


def test_a_directory_that_cannot_be_written_is_a_fault_with_a_hint(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    paths.thresholds.rmdir()
    paths.thresholds.touch()
    with pytest.raises(StoreError):
        change(paths, "set", "0.42", *SET)


def test_the_band_around_the_threshold_stays_the_bundles(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    change(paths, "set", "0.42", *SET)
    with running(paths) as station:
        rules: Rules = station.station.rulebook.rules  # type: ignore[union-attr]
    assert (rules.threshold.value, rules.threshold.review_band) == (0.42, 0.1)
    assert current_threshold(paths).threshold_id == rules.threshold.threshold_id


def made(at: datetime, value: float, hours: float = 0) -> ThresholdRecord:
    """A record made at `at` for `hours` later."""
    return ThresholdRecord(
        record_id(at),
        NAME,
        "corner@1",
        "model",
        value,
        at + timedelta(hours=hours),
        at,
        "anna",
        "why",
    )
