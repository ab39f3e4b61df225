"""A model that raises, gives no score or hangs; and a frame that takes the station down each
time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.engine import Prepared
from qc_edge.engine.scripted import Step
from qc_edge.errors import EngineError, WorkerStuckError
from qc_edge.station.dependencies import Dependencies
from tests.station.audit import audit, read_log
from tests.station.harness import (
    GOOD,
    WAIT_S,
    Running,
    child_said,
    drop,
    inspect_all,
    make_station,
    part,
    run_child,
    running,
    spool,
    spooled,
    start_child,
    wait_for,
)
from tests.station.twins import POISON, Fault, Plan, engine


def poisoned(step: Step) -> Dependencies:
    """A model that does `step` on parts whose corner has the level POISON."""

    def score(prepared: Prepared) -> Step:
        level = int(prepared[0, 4, 4])
        return step if abs(level - POISON) < 2 else level / 255

    # beyond what a busy machine may keep a worker waiting that does not hang
    return Dependencies(load_engine=engine(score), patience_s=3.0)


@pytest.mark.parametrize(
    ("step", "reason"),
    [("raise", "engine_failed"), ("nan", "bad_score"), ("inf", "bad_score"), (-0.5, "bad_score")],
)
def test_a_part_that_the_model_cannot_score_is_held_and_the_station_goes_on(
    tmp_path: Path, step: Step, reason: str
) -> None:
    paths = make_station(tmp_path)
    with running(paths, poisoned(step)) as station:
        for name, level in {"a.png": GOOD, "poison.png": POISON, "z.png": GOOD}.items():
            drop(paths, name, part(level))
        station.wait_until_inspected(3)
    log = audit(paths)
    row = log.of("poison.png")
    assert (row["verdict"], row["disposition"], row["reason"]) == ("INVALID", "HOLD", reason)
    assert row["score"] is None
    assert row["raw_path"]
    assert row["prepared_path"], "what the model was given is evidence too"
    assert [log.of(name)["verdict"] for name in ("a.png", "z.png")] == ["PASS", "PASS"]


def test_a_model_that_fails_five_times_in_a_row_ends_the_process(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    station = Running(paths.root, poisoned("raise"))
    station.wait_until_ready()
    for number in range(8):
        drop(paths, f"{number}.png", part(POISON, number))
    fault = station.wait_until_ended()
    assert isinstance(fault, EngineError)
    assert fault.exit_code == 70
    assert "5 frames in a row" in fault.message
    inspect_all(paths)
    log = audit(paths)
    assert len(log.inspections) == 8


def test_a_model_that_hangs_ends_the_process_and_the_frames_are_still_there(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    station = Running(paths.root, poisoned("hang"))
    station.wait_until_ready()
    for number in range(3):
        drop(paths, f"{number}.png", part(POISON, number))
    fault = station.wait_until_ended()
    assert isinstance(fault, WorkerStuckError)
    assert fault.exit_code == 70
    assert "inspector has been silent" in fault.message
    assert any(
        "inspector silent" in trouble for status in station.statuses for trouble in status.troubles
    )
    assert len(spooled(paths)) == 3
    inspect_all(paths)
    log = audit(paths)
    assert len(log.inspections) == 3
    assert {row["hold_reason"] for row in log.inspections} == {"recovered"}


def test_a_frame_that_kills_the_station_each_time_is_set_aside_after_three_tries_alone(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    for number in range(6):
        drop(paths, f"{number}.png", part(POISON if number == 3 else GOOD, number))
    deadly = Plan(faults=(Fault("infer poison", times=9),), until_rows=6)
    deaths = [run_child(paths, deadly) for _ in range(4)]
    assert deaths == [-9, -9, -9, -9], child_said(paths)
    assert run_child(paths, deadly) == 0, child_said(paths)
    log = audit(paths)
    assert len(log.inspections) == 6
    guilty = log.of("3.png")
    assert (guilty["verdict"], guilty["disposition"], guilty["reason"]) == (
        "INVALID",
        "HOLD",
        "crashed_the_station",
    )
    others = [row for row in log.inspections if row["original_name"] != "3.png"]
    assert {row["verdict"] for row in others} == {"PASS"}


def test_frames_that_a_stop_left_behind_are_not_suspected(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    for start in range(5):
        drop(paths, f"{start}.png", part(GOOD, start))
        inspect_all(paths)
    assert {row["verdict"] for row in read_log(paths).inspections} == {"PASS"}


def test_a_live_part_that_kills_the_station_is_found_though_many_older_frames_wait(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    for number in range(160):
        spool(paths, part(GOOD, number), number)
    deadly = Plan(faults=(Fault("infer poison", times=9),), until_rows=161)
    child = start_child(paths, deadly)
    wait_for(lambda: len(spooled(paths)) < 160, "the backlog is being worked off")
    drop(paths, "deadly.png", part(POISON, 99))
    assert child.wait(WAIT_S) == -9, child_said(paths)
    waiting = [name for name in spooled(paths) if "~" not in name]
    assert len(waiting) > 64, "it did not overtake the backlog"
    deaths = [run_child(paths, deadly) for _ in range(3)]
    assert deaths == [-9, -9, -9], child_said(paths)
    assert run_child(paths, deadly) == 0, child_said(paths)
    log = audit(paths)
    assert len(log.inspections) == 161
    assert log.of("deadly.png")["reason"] == "crashed_the_station"
    assert sum(row["verdict"] == "PASS" for row in log.inspections) == 160
