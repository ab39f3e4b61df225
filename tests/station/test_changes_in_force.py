"""A change and its event are one: refused by the disk or cut short by a crash, it is both or
neither.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from qc_edge.domain.in_force import InForce
from qc_edge.recipe.in_force import snapshot
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from tests.station.audit import audit
from tests.station.changes import (
    ACTIVATION,
    CALIBRATION,
    CHANGES,
    REASON,
    THRESHOLD,
    Change,
    in_force,
    told,
)
from tests.station.harness import (
    NEAR,
    Running,
    drop,
    inspect_all,
    make_station,
    part,
    running,
    start_child,
    wait_for,
)
from tests.station.twins import Cues, Fault, FaultyDisk, Plan, dependencies

REFUSALS = [("append before", "ENOSPC"), ("append half", "EIO"), ("append after", "EIO")]
"""Nothing written, half of it written, or all of it written but not synced."""

by_name = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)


class RefusingDisk(Disk):
    """Refuses every append that holds an event of `kind`, as long as one is set."""

    def __init__(self, step: str, act: str) -> None:
        self._step, self._code = step, getattr(errno, act)
        self.kind = ""
        self.refused = 0

    def append(self, fd: int, data: bytes) -> None:
        if not self.kind or f'"kind":"{self.kind}"'.encode() not in data:
            super().append(fd, data)
            return
        if self._step == "append half":
            os.write(fd, data[: len(data) // 2])
        if self._step == "append after":
            super().append(fd, data)
        self.refused += 1
        raise OSError(self._code, os.strerror(self._code))


def state_of(run: Running) -> InForce:
    rulebook = run.station.rulebook
    assert rulebook
    return snapshot(rulebook.rules)


def make(change: Change, paths: StationPaths, run: Running) -> None:
    change.make(paths)
    if change.by_reload:
        run.supervisor.reload()


def says_that_it_waits(run: Running) -> bool:
    return any("a change is not in force" in trouble for trouble in run.status.troubles)


@by_name
@pytest.mark.parametrize(("step", "act"), REFUSALS)
def test_a_change_that_the_log_does_not_take_is_not_in_force_until_it_does(
    tmp_path: Path, change: Change, step: str, act: str
) -> None:
    paths, disk = make_station(tmp_path), RefusingDisk(step, act)
    with running(paths, dependencies(disk=disk)) as run:
        drop(paths, "before.png", part(NEAR))
        run.wait_until_inspected(1)
        before = state_of(run)
        disk.kind = change.kind
        make(change, paths, run)
        run.wait_for(lambda: disk.refused > 1, "tried, and tried again")
        if change.is_trouble:
            run.wait_for_status(lambda _: says_that_it_waits(run), "says that the change waits")
        assert state_of(run) == before
        drop(paths, "waiting.png", part(NEAR, seed=1))
        run.wait_until_inspected(2)
        assert state_of(run) == before
        disk.kind = ""
        run.wait_for(lambda: state_of(run) != before, "the change is in force")
        run.wait_for_status(lambda status: status.ready, "nothing waits any more")
        drop(paths, "after.png", part(NEAR, seed=2))
        run.wait_until_inspected(3)

    log = audit(paths)
    ((_, _, who),) = told(log, change)
    assert who == change.who
    assert len(in_force(log, change)) == 2
    (event,) = log.events_of(change.kind)
    judged_by = ("threshold_id", "calibration_id", "settings_digest", "model_version")
    old, waiting, new = (
        [log.of(f"{name}.png")[column] for column in judged_by]
        for name in ("before", "waiting", "after")
    )
    assert old == waiting != new
    assert (
        log.of("waiting.png")["chain_seq"] < event["chain_seq"] < log.of("after.png")["chain_seq"]
    )


@by_name
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_whichever_append_the_disk_refuses_a_change_has_one_event(
    tmp_path: Path, change: Change, nth: int
) -> None:
    paths, cues = make_station(tmp_path), Cues()
    with running(paths, dependencies(disk=FaultyDisk(cues))) as run:
        before = state_of(run)
        cues.seen.clear()
        cues.faults.append(Fault("append before", nth=nth, act="ENOSPC"))
        for number in range(3):
            drop(paths, f"{number}.png", part(NEAR, seed=number))
        make(change, paths, run)
        run.wait_for(lambda: state_of(run) != before, "the change is in force")
        run.wait_until_inspected(3)
    assert len(told(audit(paths), change)) == 1


@by_name
@pytest.mark.parametrize("step", ["append before", "append half", "append after"])
def test_a_change_that_a_crash_cuts_short_has_one_event_after_the_restart(
    tmp_path: Path, change: Change, step: str
) -> None:
    paths = make_station(tmp_path)
    drop(paths, "before.png", part(NEAR))
    child = start_child(paths, Plan(faults=(Fault(f"{step} in {change.kind}"),)))
    try:
        wait_for(
            lambda: any(b'"inspections"' in path.read_bytes() for path in journal(paths)),
            "the first part has its row",
        )
        wait_for(lambda: not any(paths.frames.iterdir()), "and has left the spool")
        change.make(paths)
        if change.by_reload:
            child.send_signal(1)  # SIGHUP
        assert child.wait(30) == -9
    finally:
        child.kill()
        child.wait()
    drop(paths, "after.png", part(NEAR, seed=1))

    inspect_all(paths)
    inspect_all(paths)

    log = audit(paths)
    ((_, _, who),) = told(log, change)
    assert who == change.who
    assert len(in_force(log, change)) == 2


def journal(paths: StationPaths) -> list[Path]:
    return sorted(paths.journal.glob("*.jsonl"))


def make_before_the_first_start(paths: StationPaths) -> None:
    """In this order: a threshold belongs to the model that will judge."""
    for change in (ACTIVATION, CALIBRATION):
        change.make(paths)


@pytest.mark.parametrize("change", [THRESHOLD, ACTIVATION, CALIBRATION], ids=lambda c: c.name)
def test_what_people_made_before_the_first_start_has_its_event(
    tmp_path: Path, change: Change
) -> None:
    paths = make_station(tmp_path)
    change.make(paths)
    drop(paths, "a.png", part(NEAR))
    inspect_all(paths)
    inspect_all(paths)
    log = audit(paths)
    ((before, after, who),) = told(log, change)
    assert (before, who) == (None, change.who)
    assert after in str(in_force(log, change))
    (event,) = log.events_of(change.kind)
    assert event["why"] == (None if change is CALIBRATION else REASON)
    assert event["chain_seq"] < log.of("a.png")["chain_seq"]


def test_a_station_that_nobody_has_changed_starts_without_a_change(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    inspect_all(paths)
    log = audit(paths)
    assert not [told(log, change) for change in CHANGES if told(log, change)]
    assert len(log.events_of("in_force")) == 1


@pytest.mark.parametrize("step", ["append before", "append half", "append after"])
def test_a_first_start_that_finds_no_room_waits_and_writes_each_event_once(
    tmp_path: Path, step: str
) -> None:
    paths = make_station(tmp_path)
    make_before_the_first_start(paths)
    drop(paths, "a.png", part(NEAR))
    disk = RefusingDisk(step, "ENOSPC")
    disk.kind = "in_force"
    run = Running(paths.root, dependencies(disk=disk))
    try:
        run.wait_for(lambda: disk.refused > 1, "tried, and tried again")
        run.wait_for(lambda: says_that_it_waits(run), "says why it is not ready")
        assert not run.status.ready
        assert not run.station.inspector
        disk.kind = ""
        run.wait_until_inspected(1)
    finally:
        run.stop()
    log = audit(paths)
    assert len(told(log, ACTIVATION)) == len(told(log, CALIBRATION)) == 1


@pytest.mark.parametrize("step", ["append before", "append half", "append after"])
def test_a_first_start_that_a_crash_cuts_short_writes_each_event_once(
    tmp_path: Path, step: str
) -> None:
    paths = make_station(tmp_path)
    make_before_the_first_start(paths)
    child = start_child(paths, Plan(faults=(Fault(f"{step} in in_force"),)))
    try:
        assert child.wait(30) == -9
    finally:
        child.kill()
        child.wait()
    drop(paths, "a.png", part(NEAR))
    inspect_all(paths)
    log = audit(paths)
    assert len(told(log, ACTIVATION)) == len(told(log, CALIBRATION)) == 1
    assert len(log.events_of("in_force")) == 1
