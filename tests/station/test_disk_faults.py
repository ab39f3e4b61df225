"""No room and broken disks: the station holds or ends, says so, and loses nothing that was in the
spool.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.errors import StoreError
from tests.station.audit import Log, audit
from tests.station.harness import (
    Running,
    drop,
    dropped,
    inspect_all,
    make_station,
    part,
    running,
    spooled,
)
from tests.station.twins import Cues, Fault, FaultyDisk, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
MB = 1_000_000
PARTS = [f"{number}.png" for number in range(8)]

WRITES = [
    "write before in evidence",
    "write half in evidence",
    "write after in evidence",
    "link before in evidence",
    "sync before in evidence",
    "sync before in frames",
    "append before in inspections",
    "append half in inspections",
]


@pytest.mark.parametrize("step", [step for step in WRITES if "link" not in step])
def test_without_room_the_station_holds_and_goes_on_by_itself(tmp_path: Path, step: str) -> None:
    paths = make_station(tmp_path)
    told = tmp_path / "told"
    fault = Fault(step, nth=1 if "frames" in step or "append" in step else 4, act="ENOSPC")
    with running(paths, dependencies(Plan(announced=str(told), faults=(fault,)))) as station:
        for number, name in enumerate(PARTS):
            drop(paths, name, part(seed=number))
        station.wait_for_status(
            lambda status: "HOLD: disk" in status.line(), "it says that it holds"
        )
        station.wait_until_inspected(8)
        station.wait_for_status(lambda status: status.ready, "ready again")
    log = audit(paths, told)
    assert sorted(int(row["part_id"]) for row in log.inspections) == list(range(1, 9))
    assert {row["verdict"] for row in log.inspections} == {"PASS"}


def test_without_room_for_a_frame_that_was_captured_it_waits_in_the_spool(tmp_path: Path) -> None:
    log, station = captured(tmp_path, Fault("link before in evidence", nth=4, act="ENOSPC"))
    assert any("HOLD: disk" in status.line() for status in station.statuses)
    assert {gap["reason"] for gap in log.gaps} <= {"disk_low"}, "what came while it held"


def test_without_room_a_refused_file_waits_like_any_other(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    plan = Plan(faults=(Fault("write half in quarantine", act="ENOSPC", times=2),))
    with running(paths, dependencies(plan)) as station:
        drop(paths, "torn.png", b"\x89PNG\r\n\x1a\nno")
        drop(paths, "good.png", part())
        station.wait_until_inspected(2)
    log = audit(paths)
    assert log.of("torn.png")["reason"] == "torn_file"


def test_without_room_a_suspect_waits_too(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    broken = Fault("append before in inspections", act="EIO")
    with running(paths, dependencies(Plan(faults=(broken,)))) as station:
        drop(paths, "a.png", part())  # not before: the station would end before it is ready
        fault = station.wait_until_ended()
        station.fault = None
    assert isinstance(fault, StoreError)
    plan = Plan(faults=(Fault("write half in in-hand", act="ENOSPC", times=2),))
    inspect_all(paths, dependencies(plan))
    assert audit(paths).of("a.png")["hold_reason"] == "recovered"


@pytest.mark.parametrize(
    "step", ["write before in spool", "write half in spool", "write after in spool"]
)
def test_a_frame_that_finds_no_room_in_the_spool_is_a_gap(tmp_path: Path, step: str) -> None:
    log, station = captured(tmp_path, Fault(step, nth=4, act="ENOSPC", times=1))
    assert {gap["reason"] for gap in log.gaps} <= {"spool_full", "disk_low"}
    assert log.lost >= 1
    assert len(log.inspections) + log.lost == 12
    assert any("HOLD: disk" in status.line() for status in station.statuses)


@pytest.mark.parametrize("act", ["ENOSPC", "EIO"])
def test_a_frame_whose_directory_does_not_sync_counts_once(tmp_path: Path, act: str) -> None:
    log, _ = captured(tmp_path, Fault("sync before in spool/frames", nth=4, act=act, times=1))
    assert len(log.inspections) + log.lost == 12


def test_a_frame_that_the_disk_refuses_is_a_gap_even_if_it_refuses_the_gap_at_first(
    tmp_path: Path,
) -> None:
    log, _ = captured(tmp_path, Fault("write half in spool", nth=4, act="EIO", times=2))
    assert [gap["reason"] for gap in log.gaps] == ["spool_failed"]
    assert (len(log.inspections), log.lost) == (11, 1)


def captured(tmp_path: Path, fault: Fault) -> tuple[Log, Running]:
    """The log of a station whose camera delivered 12 frames over that fault."""
    paths = make_station(tmp_path, CAMERA)
    with running(paths, dependencies(Plan(camera="12f", rate_hz=40.0, faults=(fault,)))) as station:
        capture = station.station.captures[0]
        station.wait_for(lambda: capture.state.triggers == 12, "12 triggers")
        station.wait_until_idle()
    inspect_all(paths)
    state = capture.state
    assert state.triggers == state.spooled + state.lost
    return audit(paths), station


@pytest.mark.parametrize("step", [*WRITES, "write half in quarantine", "unlink before in frames"])
def test_on_a_broken_disk_the_process_ends_with_74_and_a_restart_recovers(
    tmp_path: Path, step: str
) -> None:
    camera = CAMERA if "link" in step else None
    paths = make_station(tmp_path, camera)
    told = tmp_path / "told"
    plan = Plan(camera="8f", announced=str(told), faults=(Fault(step, nth=1, act="EIO", times=9),))
    for number, name in enumerate([] if camera else PARTS):
        drop(paths, name, part(seed=number) if number else b"BM torn")
    fault = Running(paths.root, dependencies(plan)).wait_until_ended()
    assert isinstance(fault, StoreError)
    assert fault.exit_code == 74
    assert fault.hint
    inspect_all(paths, dependencies(Plan(announced=str(told))))
    log = audit(paths, told)
    if camera:
        exposed = {row["camera_frame_number"] for row in log.inspections}
        assert exposed == set(range(len(exposed)))
    else:
        assert sorted(row["original_name"] for row in log.inspections) == PARTS


def test_a_low_disk_is_said_then_stops_the_station_and_nothing_is_deleted(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA, storage={"warn_free_mb": 5000.0, "stop_free_mb": 1000.0})
    disk = FaultyDisk(Cues())
    free = [9000 * MB]
    disk.free = lambda: free[0]
    given = dependencies(Plan(camera="9999f", rate_hz=20.0), disk=disk)
    with running(paths, given) as station:
        state = station.station.captures[0].state
        station.wait_for(lambda: state.spooled >= 3, "it captures")
        free[0] = 3000 * MB
        status = station.wait_for_status(lambda status: "will stop" in status.disk, "it warns")
        assert status.ready
        free[0] = 900 * MB
        status = station.wait_for_status(lambda status: "HOLD: disk" in status.line(), "it holds")
        assert not status.ready
        kept = {path for path in paths.evidence.rglob("*") if path.is_file()}
        spooled_then, lost_then = state.spooled, state.lost
        drop(paths, "meanwhile.png", part())
        station.wait_for(lambda: state.lost > lost_then + 5, "what it cannot keep counts as lost")
        assert state.spooled <= spooled_then + 1
        assert spooled(paths) or dropped(paths), "nothing is judged"
        assert kept <= {path for path in paths.evidence.rglob("*") if path.is_file()}
        free[0] = 1020 * MB
        station.wait_for(
            lambda: state.lost > lost_then + 30, "just above the bound is not room enough yet"
        )
        assert state.spooled <= spooled_then + 1
        free[0] = 8000 * MB
        station.wait_for(lambda: state.spooled > spooled_then + 5, "it captures again")
        station.wait_for_status(lambda status: status.ready, "ready again")
    inspect_all(paths)
    log = audit(paths)
    assert log.of("meanwhile.png")["verdict"] == "PASS"
    kinds = [event["kind"] for event in log.tables["events"] if event["kind"].startswith("disk_")]
    assert kinds == ["disk_low", "disk_none", "disk_enough"]
    assert {gap["reason"] for gap in log.gaps} == {"disk_low"}
    assert state.triggers == len(log.inspections) - 1 + log.lost
