"""A small file system that really fills up, again and again: held, said, resumed, and nothing
lost.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from qc_edge.capture.state import CaptureState
from qc_edge.diagnostics.directories import check_directories
from qc_edge.diagnostics.runner import Check, run_checks
from qc_edge.errors import BusyError, DiskFullError, DiskReadOnlyError
from qc_edge.service.lock import StationLock, holder_of
from qc_edge.settings import Role, StationPaths, load_settings
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.station.audit import audit
from tests.station.harness import (
    Running,
    drop,
    dropped,
    inspect_all,
    make_station,
    part,
    running,
    wait_for,
)
from tests.station.twins import Fault, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}
SIZE_MB = 48


INODES = 2000
"""More than a station has files at first; of them it stops at 20."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE_MB and INODES in memory."""
    place = tmp_path / "small"
    place.mkdir()
    options = f"size={SIZE_MB}m,nr_inodes={INODES}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        assert not (os.environ.get("CI") and os.geteuid() == 0), "CI must be able to mount a tmpfs"
        pytest.skip("mounting a small file system needs root")
    (tmp_path / "run").mkdir()
    (place / "run").symlink_to(tmp_path / "run")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take all the room that is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def has_spooled(state: CaptureState, frames: int) -> bool:
    return state.spooled >= frames


def has_lost(state: CaptureState, frames: int) -> bool:
    return state.lost >= frames


def test_a_disk_that_fills_up_again_and_again_costs_nothing_but_counted_frames(small: Path) -> None:
    paths = make_station(small, CAMERA, inspect={"prepare_threads": 2, "compress_after_s": 3600.0})
    told = small.parent / "told"
    plan = Plan(camera="9999f", rate_hz=10.0, announced=str(told))
    with running(paths, dependencies(plan, disk=Disk())) as station:
        state = station.station.captures[0].state
        for number in range(3):
            drop(paths, f"before-{number}.png", part(seed=number))
            enough = state.spooled + 3 + number % 3
            station.wait_for(partial(has_spooled, state, enough), "it works")
            ballast = fill(small)
            station.wait_for_status(
                lambda status: "HOLD: disk" in status.line(), "it says that it holds"
            )
            station.wait_for(
                partial(has_lost, state, state.lost + 3), "what finds no room is counted"
            )
            ballast.unlink()
            station.wait_for_status(lambda status: status.ready, "it goes on by itself")
            station.wait_for(lambda: not dropped(paths), "all taken")
    inspect_all(paths, dependencies(Plan(announced=str(told)), disk=Disk()))
    log = audit(paths, told)
    assert sum(row["camera"] == "incoming" for row in log.inspections) == 3
    captured = len(log.inspections) - 3
    assert state.triggers == state.spooled + state.lost
    assert (captured, log.lost) == (state.spooled, state.lost)
    assert {row["verdict"] for row in log.inspections} == {"PASS"}


def test_a_station_that_starts_on_a_full_disk_waits_for_room(small: Path) -> None:
    paths = make_station(small)
    drop(paths, "a.png", part())
    ballast = fill(small)
    station = Running(paths.root, dependencies(disk=Disk()))
    try:
        wait_for(lambda: station.fault or station.statuses, "a sign of life")
        station.wait_for_status(
            lambda status: "HOLD: disk" in status.line(), "it says that it holds"
        )
        ballast.unlink()
        station.wait_until_ready()
        station.wait_until_inspected(1)
    finally:
        station.stop()
    assert station.fault is None
    assert audit(paths).of("a.png")["verdict"] == "PASS"


def test_inodes_that_are_used_up_are_named(small: Path) -> None:
    paths = make_station(small, CAMERA)
    plan = Plan(camera="999f", rate_hz=10.0)
    litter = small / "litter"
    litter.mkdir()
    with running(paths, dependencies(plan, disk=Disk())) as station:
        with suppress(OSError):
            for number in count():
                (litter / str(number)).touch()
        held = station.wait_for_status(lambda status: "HOLD: disk" in status.line(), "it holds")
        assert "too many files: below 20 inodes nothing is captured" in held.line()
        findings = list(check_findings(paths))
        assert any("too many files: below 20 inodes" in said for said in findings), findings
        with pytest.raises(DiskFullError, match="no inodes left, too many files"):
            Disk().write(paths.frames / "more", [b"x"], paths.spool_tmp / "more")
        for path in litter.iterdir():
            path.unlink()
        station.wait_for_status(lambda status: status.ready, "it goes on by itself")


def test_a_station_that_starts_on_a_read_only_disk_holds_and_goes_on(small: Path) -> None:
    paths = make_station(small, CAMERA)
    plan = Plan(camera="999f", rate_hz=10.0)
    inspect_all(paths)
    drop(paths, "a.png", part())
    remount(small, "ro")
    station = Running(paths.root, dependencies(plan, disk=Disk()))
    try:
        held = station.wait_for_status(lambda status: "HOLD: disk" in status.line(), "it holds")
        line = held.line()
        assert "mounted read-only: nothing is captured or judged until it can be written" in line
        assert "not ready: the disk is read-only" in line
        assert "full" not in line and "no space" not in line
        with pytest.raises(BusyError, match="is already run by"), locked(paths):
            pass
        assert any("the disk is read-only" in said for said in check_findings(paths))
        with pytest.raises(DiskReadOnlyError, match="the disk is read-only"):
            open_log(paths)
        assert station.station.inspector is None and not station.station.captures
        remount(small, "rw")
        station.wait_until_ready()
        holder = holder_of(paths.lock(Role.INSPECT))
        assert holder and holder["pid"] == os.getpid(), "its lock has a name again"
        station.wait_until_inspected(1)
    finally:
        station.stop()
    assert station.fault is None
    assert audit(paths, drained=False).of("a.png")["verdict"] == "PASS", "its camera was playing"
    assert not paths.set_aside.exists(), "a disk that refuses says nothing against the log"


def test_a_mount_that_stays_read_only_for_this_process_ends_it(small: Path) -> None:
    """As systemd's copy of a mount does, which `mount -o remount,rw` does not reach."""
    paths = make_station(small)
    subprocess.run(["mount", "--bind", str(small), str(small)], check=True)
    try:
        remount(small, "ro,bind")
        remount_file_system(small, "ro")
        station = Running(paths.root, dependencies(disk=Disk()))
        station.wait_for_status(lambda status: "HOLD: disk" in status.line(), "it holds")
        remount_file_system(small, "rw")
        fault = station.wait_until_ended()
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)
    assert isinstance(fault, DiskReadOnlyError) and fault.exit_code == 74
    assert "not by this process" in fault.message


def open_log(paths: StationPaths) -> None:
    """Open the station's log and close it again."""
    Ledger(paths.database, paths.journal, paths.set_aside, Disk()).close()


def test_a_disk_that_refuses_writes_while_a_station_runs_is_waited_for(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    refused = Fault("append before in inspections", act="EROFS", times=3)
    with running(paths, dependencies(Plan(faults=(refused,)))) as station:
        drop(paths, "a.png", part())
        held = station.wait_for_status(lambda status: "HOLD: disk" in status.line(), "it holds")
        assert "but a write found it read-only" in held.line()
        station.wait_for_status(lambda status: status.ready, "it goes on by itself")
        station.wait_until_inspected(1)
    assert audit(paths).of("a.png")["verdict"] == "PASS"


def check_findings(paths: StationPaths) -> list[str]:
    """What `qc-edge check` says of the station's disk."""
    checks = [
        Check("disk", partial(check_directories, paths, load_settings(paths.settings).storage))
    ]
    return [finding.message for finding in run_checks("line1", checks)]


def remount_file_system(place: Path, how: str) -> None:
    """As somebody does who has the file system mounted elsewhere: the mount at `place` stays."""
    other = place.parent / "elsewhere"
    other.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(place), str(other)], check=True)
    try:
        remount(other, how)
    finally:
        subprocess.run(["umount", str(other)], check=True)


def locked(paths: StationPaths) -> StationLock:
    return StationLock(paths.lock(Role.INSPECT))


def remount(place: Path, how: str) -> None:
    """Make a file system read-only, or writable again."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)
