"""What goes wrong in a plant, under a real systemd: each fault ends in a running station, records whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.station.audit import Log, audit
from tests.station.harness import spooled
from tests.systemd.machine import Machine
from tests.systemd.test_service import drop
from tests.systemd.waiting import until

pytestmark = [pytest.mark.serial, pytest.mark.root]


def inspected(box: Machine) -> int:
    """How many verdicts the journal of the box has."""
    return len(box.journal("QC_EVENT=inspected"))


def start(box: Machine, stop_free_mb: float = 1000.0, warn_free_mb: float = 5000.0) -> None:
    """A station line1 at 5 frames/s, every verdict in the journal, and at work."""
    box.add_station(
        "line1", rate_hz=5.0, verdicts_per_s=1000.0, warn_free_mb=warn_free_mb, stop_free_mb=stop_free_mb
    )
    box.run("systemctl", "start", "qc-edge@line1")
    until(lambda: inspected(box) > 2, "the first verdicts")


def stop_and_audit(box: Machine) -> Log:
    """Let it drain, stop it, and hold every record against every other."""
    paths = box.paths("line1")
    until(lambda: "READY" in box.status("line1"), "the station to be ready", 60)
    box.set("line1", "rate_hz", 0.01)
    box.run("systemctl", "restart", "qc-edge@line1")
    until(lambda: len(spooled(paths)) == 0, "the spool to be empty", 60)
    box.run("systemctl", "stop", "qc-edge@line1")
    return audit(paths)


def test_a_killed_station_inspects_again_within_three_seconds(machine: Machine) -> None:
    start(machine)
    took = []
    for _ in range(3):
        before = inspected(machine)
        pid = machine.host_pid("line1")
        begun = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "the process to be gone")  # type: ignore[misc]
        until(lambda before=before: inspected(machine) > before, "a verdict after the kill")  # type: ignore[misc]
        took.append(time.monotonic() - begun)
    assert machine.show("qc-edge@line1", "NRestarts") == "3"
    print("killed, inspecting again after", ", ".join(f"{seconds:.2f} s" for seconds in took))
    assert min(took) < 3
    stop_and_audit(machine)


def test_a_frozen_station_is_killed_by_the_watchdog_and_started_again(machine: Machine) -> None:
    start(machine)
    os.kill(machine.host_pid("line1"), signal.SIGSTOP)
    until(lambda: machine.journal("--grep=Watchdog timeout"), "the watchdog to bite", 20)
    until(lambda: machine.show("qc-edge@line1", "NRestarts") == "1", "the restart")
    stop_and_audit(machine)


def test_a_hung_engine_is_killed_and_its_frames_are_inspected_later(machine: Machine) -> None:
    (libraries,) = (machine.tree / "opt/qc-edge/current/lib").glob("python3.*/site-packages")
    shutil.copy(Path(__file__).parent / "wedge.py", libraries / "qc_wedge.py")
    (libraries / "qc_wedge.pth").write_text("import qc_wedge\n")
    start(machine)
    wedge = machine.paths("line1").state / "wedge"
    wedge.touch()
    until(
        lambda: "inspector silent" in machine.status("line1"), "the status line to name the silent worker", 40
    )
    until(lambda: machine.journal("--grep=Watchdog timeout"), "the watchdog to bite", 40)
    assert machine.journal("--grep=qc_wedge.py"), "the stack of the hung thread is not in the journal"
    wedge.unlink()
    log = stop_and_audit(machine)
    assert any(row["hold_reason"] == "recovered" for row in log.inspections)


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
    from tests.systemd.machine import layer

    with disk(tmp_path, 400) as data, layer(installed, tmp_path / "box") as tree:
        box = Machine(tree, bind=[f"{data}:/var/lib/qc-edge"])
        box.boot()
        yield box, data
        subprocess.run(["fsfreeze", "--unfreeze", data], stderr=subprocess.DEVNULL)
        box.cut_the_power()


def test_a_stuck_disk_is_survived(machine_with_disk: tuple[Machine, Path]) -> None:
    box, data = machine_with_disk
    start(box, warn_free_mb=2.0, stop_free_mb=1.0)
    subprocess.run(["fsfreeze", "--freeze", data], check=True)
    until(lambda: box.journal("--grep=Watchdog timeout"), "the watchdog to bite", 60)
    subprocess.run(["fsfreeze", "--unfreeze", data], check=True)
    until(lambda: box.show("qc-edge@line1", "NRestarts") == "1", "the restart", 60)
    assert Counter(row["frame_id"] for row in stop_and_audit_on(box, data).inspections)


def stop_and_audit_on(box: Machine, data: Path) -> Log:
    """`stop_and_audit` where the state is on a disk of its own: seen through a link."""
    state = box.tree / "var/lib/qc-edge"
    if state.is_dir() and not state.is_symlink():
        shutil.rmtree(state)
        state.symlink_to(data)
    return stop_and_audit(box)


def test_a_full_disk_at_boot_is_said_and_waited_for(machine_with_disk: tuple[Machine, Path]) -> None:
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
    assert box.show("qc-edge@line1", "NRestarts") == "0", box.run("journalctl", "-b", "-u", "qc-edge@line1")


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


def test_a_camera_may_appear_long_after_the_service(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/srv/parts")
    machine.add_station("line1", camera="folder:/srv/parts", verdicts_per_s=1000.0)
    machine.drop_in("qc-edge@line1.service", "[Service]\nTimeoutStartSec=3\n")
    machine.run("systemctl", "start", "--no-block", "qc-edge@line1")
    until(lambda: "camera top" in machine.status("line1"), "the status line to name the camera")
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > 6, "twice the time that systemd gives a start")
    assert machine.show("qc-edge@line1", "ActiveState") == "activating"
    assert machine.show("qc-edge@line1", "NRestarts") == "0"
    machine.add_station("line2")
    shutil.copytree(machine.paths("line2").played, machine.tree / "srv/parts", dirs_exist_ok=True)
    machine.run("chmod", "-R", "o+rX", "/srv/parts")
    until(lambda: machine.show("qc-edge@line1", "ActiveState") == "active", "the station to be ready")
    assert "READY" in machine.show("qc-edge@line1", "StatusText")


def test_a_wedged_capture_is_killed_and_started_again(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/srv/parts")
    machine.add_station("line2")
    shutil.copytree(machine.paths("line2").played, machine.tree / "srv/parts", dirs_exist_ok=True)
    machine.run("chmod", "-R", "o+rX", "/srv/parts")
    machine.add_station("line1", camera="folder:/srv/parts", rate_hz=5.0, verdicts_per_s=1000.0)
    machine.run("systemctl", "start", "qc-edge@line1")
    until(lambda: inspected(machine) > 2, "the first verdicts")
    # whoever opens a pipe that nobody writes waits for ever, as in a driver that does not come back
    victim = sorted((machine.tree / "srv/parts").glob("*.png"))[3]
    machine.run("sh", "-c", f"rm /srv/parts/{victim.name} && mkfifo -m 644 /srv/parts/{victim.name}")
    until(lambda: machine.journal("--grep=Watchdog timeout"), "the watchdog to bite", 60)
    assert "capture-top" in machine.journal("--grep=capture-top")[-1]["MESSAGE"]
    machine.run("rm", f"/srv/parts/{victim.name}")
    stop_and_audit(machine)


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
    assert len(spooled(machine.paths("line1"))) > 5, "the burst was over"
    machine.boot()
    until(lambda: "READY" in machine.status("line1"), "the station to come up by itself")
    log = stop_and_audit(machine)
    names = [
        row["original_name"] for row in log.inspections if (row["original_name"] or "").startswith("burst")
    ]
    assert sorted(names) == sorted(f"burst{number}.png" for number in range(40))
