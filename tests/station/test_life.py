"""The life of the process: one at a time, stopped in time, reloaded while it runs, split in two
roles.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qc_edge.domain.frame import frame_id_micros
from qc_edge.settings import StationPaths
from tests import forked
from tests.station.audit import audit
from tests.station.harness import (
    BAD,
    NEAR,
    REPOSITORY,
    WAIT_S,
    child_environment,
    child_said,
    configure,
    drop,
    dropped,
    inspect_all,
    is_idle,
    lines,
    make_station,
    part,
    running,
    spooled,
    start_child,
    wait_for,
)
from tests.station.twins import POISON, Fault, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
STOPPED_S = 5.0 + 5.0
"""What the product promises, and what a machine that runs other tests beside it may add."""


@contextmanager
def child(paths: StationPaths, plan: Plan | None = None) -> Iterator[forked.Process]:
    """The station in a process of its own, ready."""
    process = start_child(paths, plan or Plan())
    try:
        wait_for(lambda: process.poll() is not None or "READY" in child_said(paths), "ready")
        assert process.poll() is None, child_said(paths)
        yield process
    finally:
        process.kill()
        process.wait()


def stopped(
    process: forked.Process | subprocess.Popen[bytes], number: int = signal.SIGTERM
) -> tuple[int, float]:
    """Its exit code, and how long it took to end (s)."""
    begun = time.monotonic()
    process.send_signal(number)
    return process.wait(WAIT_S), time.monotonic() - begun


def test_a_good_and_a_bad_part_get_their_verdicts(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "good.png", part())
        drop(paths, "bad.png", part(BAD))
        drop(paths, "near.png", part(NEAR))
        station.wait_until_inspected(3)
    log = audit(paths)
    keys = ("verdict", "disposition", "needs_review")
    assert {row["original_name"]: tuple(row[key] for key in keys) for row in log.inspections} == {
        "good.png": ("PASS", "ACCEPT", False),
        "bad.png": ("FAIL", "REJECT", False),
        "near.png": ("PASS", "ACCEPT", True),
    }
    assert log.of("near.png")["map_path"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_under_load_it_ends_in_time_and_leaves_the_rest(
    tmp_path: Path, number: int
) -> None:
    paths = make_station(tmp_path, CAMERA)
    told = tmp_path / "told"
    with child(paths, Plan(camera="9999f", rate_hz=30.0, announced=str(told))) as process:
        for count in range(80):
            drop(paths, f"{count}.png", part(seed=count % 8))
        wait_for(lambda: len(lines(told)) > 10, "it is at work")
        code, seconds = stopped(process, number)
    assert code == 0, child_said(paths)
    assert seconds < STOPPED_S
    left = len(spooled(paths)) + len(dropped(paths))
    assert left, "nothing was left: the test stopped too late"
    inspect_all(paths, dependencies(Plan(announced=str(told))))
    log = audit(paths, told)
    names = {row["original_name"] for row in log.inspections if row["camera"] == "incoming"}
    assert names == {f"{count}.png" for count in range(80)}
    numbers = sorted(
        row["camera_frame_number"] for row in log.inspections if row["camera"] == "top"
    )
    assert numbers == list(range(len(numbers)))
    kinds = [
        event["kind"] for event in log.tables["events"] if event["kind"] in {"started", "stopped"}
    ]
    assert kinds == ["started", "stopped"] * 2


def test_told_to_stop_while_the_model_hangs_it_still_ends_in_time(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with child(paths, Plan(faults=(Fault("infer poison", act="hang"),))) as process:
        drop(paths, "poison.png", part(POISON))
        wait_for(lambda: "it hangs" in child_said(paths), "the model hangs")
        _, seconds = stopped(process)
    assert seconds < STOPPED_S, child_said(paths)
    assert "did not end within" in child_said(paths)
    inspect_all(paths)
    assert audit(paths).of("poison.png")["hold_reason"] == "recovered"


HANGING_DECODER = """
import sys, threading
from pathlib import Path
from qc_edge.commands import run
from qc_edge.inspection import preparer

def decode(*_, **__):
    print("it hangs", flush=True)
    threading.Event().wait()

preparer.decode = decode
run.command("line1", Path(sys.argv[1]))
"""


def test_told_to_stop_while_a_decoder_hangs_the_command_still_ends_with_0(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    configure(paths, engine={"backend": "scripted"})
    drop(paths, "a.png", part())
    command = [sys.executable, "-c", HANGING_DECODER, str(tmp_path)]
    with subprocess.Popen(
        command, env=child_environment(), cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"it hangs\n"
        code, seconds = stopped(process)
    assert code == 0
    assert seconds < STOPPED_S


def test_a_second_run_is_refused_with_who_holds_the_station(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with child(paths) as process:
        drop(paths, "a.png", part())
        second = start_child(paths, Plan())
        assert second.wait(WAIT_S) == 75
        assert f"already run by process {process.pid}" in child_said(paths)
        wait_for(lambda: is_idle(paths), "the first goes on")
        assert stopped(process)[0] == 0, child_said(paths)
    assert len(audit(paths).inspections) == 1


def test_a_killed_station_leaves_no_lock(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with child(paths) as process:
        process.kill()
        process.wait()
    inspect_all(paths)


def reload(process: forked.Process, paths: StationPaths, said: str) -> None:
    """SIGHUP, and wait for what the station says to it."""
    before = child_said(paths).count(said)
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: child_said(paths).count(said) > before, f"it says {said!r}")


def test_a_reload_applies_a_threshold_to_later_parts_only(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    told = tmp_path / "told"
    with child(paths, Plan(announced=str(told))) as process:
        drop(paths, "before.png", part(NEAR))
        wait_for(lambda: len(lines(told)) == 1, "inspected")
        configure(paths, model={"threshold": 0.4}, inspect={"batch_max": 3})
        reload(process, paths, "model.threshold: none -> 0.4")
        wait_for(
            lambda: "needs a restart: inspect.batch_max: 16 -> 3" in child_said(paths),
            "what waits is named",
        )
        drop(paths, "after.png", part(NEAR))
        wait_for(lambda: len(lines(told)) == 2, "inspected")
        assert stopped(process)[0] == 0, child_said(paths)
    log = audit(paths, told)
    before, after = log.of("before.png"), log.of("after.png")
    assert (before["verdict"], before["threshold"]) == ("PASS", 0.5)
    assert (after["verdict"], after["threshold"]) == ("FAIL", 0.4)
    assert before["threshold_id"] != after["threshold_id"]
    assert before["settings_digest"] != after["settings_digest"]
    (change,) = [event for event in log.events_of("settings") if "threshold" in event["detail"]]
    assert before["chain_seq"] < change["chain_seq"] < after["chain_seq"]
    assert (change["before"], change["after"]) == ("None", "0.4")


def test_a_bad_settings_file_is_refused_and_the_old_stays(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    told = tmp_path / "told"
    with child(paths, Plan(announced=str(told))) as process:
        with paths.settings.open("a") as settings:
            settings.write("\n[model2]\nthreshhold = 7\n")
        reload(process, paths, "the old settings stay in force")
        drop(paths, "a.png", part(NEAR))
        wait_for(lambda: len(lines(told)) == 1, "inspected")
        assert stopped(process)[0] == 0, child_said(paths)
    log = audit(paths)
    assert log.of("a.png")["threshold"] == 0.5
    assert "model2" in log.events_of("settings_refused")[0]["detail"]


def test_capture_and_inspection_can_be_two_processes(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA)
    told = tmp_path / "told"
    configure(paths, CAMERA, station={"roles": ["capture"]})
    with child(paths, Plan(camera="20f x 20f 3g 20f", rate_hz=60.0)) as capture:
        configure(paths, CAMERA, station={"roles": ["inspect"]})
        with running(paths, dependencies(Plan(announced=str(told)))) as inspect:
            inspect.wait_for(lambda: len(lines(told)) == 60, "all inspected")
            assert stopped(capture)[0] == 0, child_said(paths)
            inspect.wait_until_idle()
    log = audit(paths, told)
    assert sorted(row["camera_frame_number"] for row in log.inspections) == [
        number for number in range(64) if number != 20 and not 41 <= number <= 43
    ]
    assert log.lost == 4
    assert {event["detail"].split(";")[0] for event in log.events_of("started")} == {
        "capture",
        "inspect",
    }
    assert len(log.events_of("stopped")) == 2


def test_a_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "a.png", part())
    for delay_ms in (300, 600, 900, 1200):
        process = start_child(paths, Plan())
        threading.Event().wait(delay_ms / 1000)
        code, seconds = stopped(process)
        assert code in {0, -signal.SIGTERM}, "before it listens, the signal simply kills it"
        assert seconds < STOPPED_S
    inspect_all(paths)
    assert len(audit(paths).inspections) == 1


def test_a_clock_that_was_set_back_while_the_station_was_down_is_in_the_rows(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, CAMERA)
    in_an_hour = time.time_ns() // 1000 + 3_600_000_000
    (paths.state / "frame-clock").write_text(str(in_an_hour))
    with running(paths, dependencies(Plan(camera="3f"))) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(4)
        status = station.wait_for_status(lambda status: status.clock, "the clock's state")
    assert "stepped back" in status.clock
    rows = audit(paths).inspections
    assert not any(row["clock_trusted"] for row in rows)
    assert all(frame_id_micros(row["frame_id"]) > in_an_hour for row in rows)
    assert len({row["part_id"] for row in rows}) == 4, "counted parts of different sources differ"
