"""What cameras do in a plant: each loss counted, each gap a row, the station runs on and says
so.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.capture.state import CaptureState
from tests.station.audit import Log, audit
from tests.station.harness import inspect_all, make_station, running
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted"}


def played(tmp_path: Path, script: str, triggers: int) -> tuple[Log, CaptureState]:
    """The log and the camera's own account after a script of so many triggers."""
    paths = make_station(tmp_path, CAMERA)
    with running(paths, dependencies(Plan(camera=script))) as station:
        state = station.station.captures[0].state
        station.wait_for(lambda: state.triggers >= triggers, f"{triggers} triggers")
        station.wait_until_idle()
    inspect_all(paths)
    log = audit(paths)
    assert state.triggers == state.spooled + state.lost == triggers
    assert (len(log.inspections), log.lost) == (state.spooled, state.lost)
    return log, state


def told(log: Log) -> list[tuple[object, ...]]:
    keys = ("reason", "lost", "first_frame_number", "last_frame_number")
    return [tuple(gap[key] for key in keys) for gap in log.gaps]


def test_failed_grabs_are_counted_and_have_their_row(tmp_path: Path) -> None:
    log, _ = played(tmp_path, "3f x 3f", 7)
    assert told(log) == [("failed_grab", 1, 3, 3)]


def test_many_failed_grabs_share_rows_and_none_is_forgotten(tmp_path: Path) -> None:
    log, _ = played(tmp_path, "2f 20x f 5x f", 29)
    assert {gap["reason"] for gap in log.gaps} == {"failed_grab"}
    assert log.lost == 25
    assert len(log.gaps) <= 3


def test_timeouts_are_no_losses(tmp_path: Path) -> None:
    log, _ = played(tmp_path, "2f 3t 2f", 4)
    assert told(log) == []


def test_a_gap_in_the_cameras_counter_is_a_loss_of_as_many(tmp_path: Path) -> None:
    log, _ = played(tmp_path, "4f 7g 2f g f", 15)
    assert told(log) == [("counter_gap", 7, 4, 10), ("counter_gap", 1, 13, 13)]


def test_a_failed_grab_behind_a_gap_counts_both(tmp_path: Path) -> None:
    log, _ = played(tmp_path, "f 2g x f", 5)
    assert told(log) == [("counter_gap", 2, 1, 2), ("failed_grab", 1, 3, 3)]


def test_an_unplugged_camera_is_opened_again_and_the_station_says_so(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA)
    with running(paths, dependencies(Plan(camera="4f l 2o 3f", rate_hz=50.0))) as station:
        state = station.station.captures[0].state
        station.wait_for_status(
            lambda status: any(trouble.startswith("camera top") for trouble in status.troubles),
            "it says that the camera is gone",
        )
        station.wait_for(lambda: state.spooled == 7, "it goes on after the camera's return")
        station.wait_for_status(lambda status: status.ready, "ready again")
        station.wait_until_idle()
    inspect_all(paths)
    log = audit(paths)
    assert len(log.inspections) == 7
    assert state.reopened == 1
    kinds = [event["kind"] for event in log.tables["events"] if event["kind"].startswith("camera")]
    assert kinds[:4] == ["camera_opened", "camera_lost", "camera_missing", "camera_back"]


def test_a_silent_camera_is_said_and_the_station_stays(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA | {"silence_s": 0.5, "grab_timeout_s": 0.2})
    with running(paths, dependencies(Plan(camera="2f"))) as station:
        station.wait_for_status(
            lambda status: "no frame for" in status.line(), "it says that nothing comes"
        )
    inspect_all(paths)
    assert len(audit(paths).events_of("camera_silent")) >= 1
