"""What goes wrong in a plant, under a real systemd: each fault ends in a running station, records
whole.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.station.audit import Log, audit
from tests.station.harness import dropped, spooled
from tests.systemd.machine import Machine, layer
from tests.systemd.test_service import drop
from tests.systemd.waiting import until

pytestmark = pytest.mark.root


def inspected(box: Machine, name: str = "line1") -> int:
    """How many verdicts of a station the journal of the box has."""
    return len(box.journal("QC_EVENT=inspected", f"QC_STATION={name}"))


def restarts(box: Machine, name: str = "line1") -> int:
    """How often systemd started the station again by itself."""
    return int(box.show(f"qc-edge@{name}", "NRestarts"))


def start(box: Machine, name: str = "line1", **settings: float) -> None:
    """A station at 4 frames/s, every verdict in the journal, and at work."""
    box.add_station(name, rate_hz=4.0, verdicts_per_s=1000.0)
    for key, value in settings.items():
        box.set(name, key, value)
    box.run("systemctl", "start", f"qc-edge@{name}")
    until(lambda: inspected(box, name) > 2, "the first verdicts")


def stop_and_audit(box: Machine, name: str = "line1") -> Log:
    """Let it drain, stop it, and hold every record against every other."""
    paths, unit = box.paths(name), f"qc-edge@{name}"
    until(lambda: "READY" in box.show(unit, "StatusText"), "the station to be ready")
    box.set(name, "roles", ["inspect"])
    box.run("systemctl", "restart", unit)
    until(lambda: not spooled(paths) and not dropped(paths), "the spool to be empty", 120)
    box.run("systemctl", "stop", unit)
    return audit(paths)


@pytest.mark.serial
def test_a_killed_station_inspects_again_within_three_seconds(machine: Machine) -> None:
    start(machine)
    took = []
    for _ in range(3):
        pid = machine.host_pid("line1")
        before = inspected(machine) + 1  # one may be on its way into the journal
        begun = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: inspected(machine) > before, "a verdict after the kill", every=0.1)  # noqa: B023
        took.append(time.monotonic() - begun)
    assert machine.show("qc-edge@line1", "NRestarts") == "3"
    print("killed, inspecting again after", ", ".join(f"{seconds:.2f} s" for seconds in took))
    assert statistics.median(took) < 3
    stop_and_audit(machine)


def bitten(box: Machine, name: str) -> bool:
    """The watchdog has killed this station."""
    return bool(box.journal(f"UNIT=qc-edge@{name}.service", "--grep=Watchdog timeout"))


@contextmanager
def disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """A filesystem of its own, in a file, as a box's data disk."""
    image, mount = directory / "disk.img", directory / "disk"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", mount], check=True)


@pytest.fixture
def machine_with_disk(installed: list[Path], tmp_path: Path) -> Iterator[tuple[Machine, Path]]:
    """A box whose /var/lib/qc-edge is a disk of its own, and that disk."""
    view = tmp_path / "view"
    with disk(tmp_path, 400) as data, layer(installed, tmp_path / "box") as tree:
        box = Machine(tree, bind=[f"{data}:/var/lib/qc-edge"], view=view)
        (view / "var/lib").mkdir(parents=True)
        (view / "var/lib/qc-edge").symlink_to(data)
        (view / "etc").symlink_to(tree / "etc")
        box.boot()
        yield box, data
        subprocess.run(["fsfreeze", "--unfreeze", data], stderr=subprocess.DEVNULL)
        box.cut_the_power()


def test_a_stuck_disk_is_survived(machine_with_disk: tuple[Machine, Path]) -> None:
    box, data = machine_with_disk
    start(box, warn_free_mb=2.0, stop_free_mb=1.0)
    subprocess.run(["fsfreeze", "--freeze", data], check=True)
    until(lambda: bitten(box, "line1"), "the watchdog to bite", 90)
    subprocess.run(["fsfreeze", "--unfreeze", data], check=True)
    until(lambda: restarts(box) == 1, "the restart")
    stop_and_audit(box)


def test_a_full_disk_at_boot_is_said_and_waited_for(
    machine_with_disk: tuple[Machine, Path],
) -> None:
    box, data = machine_with_disk
    box.add_station("line1", rate_hz=5.0, warn_free_mb=2.0, stop_free_mb=1.0, verdicts_per_s=1000.0)
    ballast = data / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(data)
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - (256 << 10))
    box.poweroff()
    box.boot()
    until(lambda: "HOLD: disk" in box.status("line1"), "the status line to say so")
    assert box.show("qc-edge@line1", "ActiveState") in {"activating", "active"}
    ballast.unlink()
    until(lambda: inspected(box) > 2, "verdicts once there is room", 60)
    assert box.show("qc-edge@line1", "NRestarts") == "0", box.run(
        "journalctl", "-b", "-u", "qc-edge@line1"
    )


def test_what_only_a_person_can_mend_is_not_restarted_and_says_what_to_do(machine: Machine) -> None:
    machine.add_station("line1")
    machine.set("line1", "rate_hz", "fast")
    machine.run("systemctl", "start", "qc-edge@line1", check=False)
    assert machine.show("qc-edge@line1", "ExecMainStatus") == "78"
    assert "NOT RESTARTED BY ITSELF" in machine.show("qc-edge@line1", "StatusText")
    assert "rate_hz" in machine.status("line1")
    machine.set("line1", "rate_hz", 5.0)
    machine.set("line1", "bundle", "nowhere@1")
    machine.run("systemctl", "restart", "qc-edge@line1", check=False)
    assert machine.show("qc-edge@line1", "ExecMainStatus") == "65"
    assert "nowhere@1" in machine.show("qc-edge@line1", "StatusText")
    assert machine.show("qc-edge@line1", "SubState") == "failed"
    assert machine.show("qc-edge@line1", "NRestarts") == "0"
    assert machine.journal("PRIORITY=2", "QC_EVENT=fault")


@pytest.mark.parametrize("power", ["reboot", "cut"])
def test_a_box_that_goes_down_in_a_burst_comes_back_by_itself_and_drains(
    machine: Machine, power: str
) -> None:
    start(machine)
    for number in range(40):
        drop(machine, "line1", f"burst{number}.png")
    if power == "cut":
        machine.cut_the_power()
    else:
        machine.poweroff()
    paths = machine.paths("line1")
    assert len(spooled(paths)) + len(dropped(paths)) > 5, "the burst was over"
    machine.boot()
    until(lambda: "READY" in machine.status("line1"), "the station to come up by itself")
    log = stop_and_audit(machine)
    names = [
        row["original_name"]
        for row in log.inspections
        if (row["original_name"] or "").startswith("burst")
    ]
    assert sorted(names) == sorted(f"burst{number}.png" for number in range(40))
