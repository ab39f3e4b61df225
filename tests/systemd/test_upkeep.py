"""What a box's own upkeep does under a real systemd: starts that end, reloads that answer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.systemd.machine import Machine
from tests.systemd.test_faults import inspected, start
from tests.systemd.waiting import until

pytestmark = pytest.mark.root

START_S = 30.0
"""Longest that a command may take that starts a station; on an idle machine it takes two or three
seconds.
"""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """What is done inside must not take longer."""
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    print(f"{what}: {took:.1f} s")
    assert took < seconds, what


def add_without_camera(box: Machine, name: str) -> None:
    """A station whose camera is not there: a directory of pictures that is empty."""
    box.run("mkdir", "-p", f"/srv/{name}")
    box.add_station(name, camera=f"folder:/srv/{name}", verdicts_per_s=1000.0)


def test_a_station_without_its_camera_starts_and_says_so(machine: Machine) -> None:
    add_without_camera(machine, "line1")
    with within(START_S, "systemctl start"):
        machine.run("systemctl", "start", "qc-edge@line1")
    assert machine.show("qc-edge@line1", "ActiveState") == "active"
    until(lambda: machine.show("qc-edge@line1", "StatusText").startswith("camera top"), "trouble")
    said = machine.run("sh", "-c", "qc-edge status line1; echo exit code $?")
    assert "NOT READY" in said
    assert "exit code 1" in said
    machine.poweroff()
    machine.boot()
    until(lambda: machine.show("qc-edge@line1", "ActiveState") == "active", "the boot", START_S)
    assert "No jobs" in machine.run("systemctl", "list-jobs")
    with within(START_S, "systemctl restart"):
        machine.run("systemctl", "restart", "qc-edge@line1")
    start(machine, "line2")
    machine.run("sh", "-c", "cp /var/lib/qc-edge/line2/emulated/*.png /srv/line1")
    machine.run("sh", "-c", "chmod o+r /srv/line1/*")
    until(lambda: inspected(machine, "line1") > 0, "the camera to be opened by itself")
    until(lambda: "READY" in machine.show("qc-edge@line1", "StatusText"), "READY")


def test_a_reload_that_is_refused_fails_and_shows_until_it_is_mended(machine: Machine) -> None:
    start(machine)
    record = machine.paths("line1").calibration / "top"
    newest = max(record.glob("*.toml"))
    whole = newest.read_text()
    machine.run("systemctl", "reload", "qc-edge@line1")
    pid = machine.pid("line1")
    newest.write_text(whole.replace("made_by = ", 'made_by = "x" # '))
    said = machine.run("sh", "-c", "systemctl reload qc-edge@line1; echo exit code $?")
    assert "exit code 1" in said
    status = machine.show("qc-edge@line1", "StatusText")
    assert status.startswith("READY · settings on disk are refused; a restart would stop it · ")
    assert machine.pid("line1") == pid
    assert machine.show("qc-edge@line1", "ActiveState") == "active"
    told = machine.run("qc-edge", "status", "line1")
    assert newest.name in told.replace("\n", "").replace(" ", ""), told
    newest.write_text(whole)
    machine.run("systemctl", "reload", "qc-edge@line1")
    assert "refused" not in machine.show("qc-edge@line1", "StatusText")
    assert machine.pid("line1") == pid


def test_what_root_writes_for_a_station_is_the_stations(machine: Machine) -> None:
    start(machine)
    paths = machine.paths("line1")
    passed = ("QC_VERDICT=PASS", "QC_DISPOSITION=ACCEPT")
    until(lambda: len(machine.journal(*passed)) > 6, "good parts")
    before = set(paths.state.rglob("*"))
    machine.run("qc-edge", "calibrate", "line1", "--frames", "5", "--by", "anna", "--yes")
    machine.run("qc-edge", "verify", "line1", check=False)
    machine.run("qc-edge", "sql", "line1", "SELECT count(*) FROM inspections")
    machine.run("qc-edge", "check", "line1", check=False)
    machine.run("qc-edge", "doctor", "line1", check=False)
    roots = [path for path in set(paths.state.rglob("*")) - before if owner_is_root(path)]
    assert not roots, "files of root in the station's directory"
    machine.run("systemctl", "reload", "qc-edge@line1")
    machine.run("systemctl", "restart", "qc-edge@line1")
    until(lambda: "READY" in machine.show("qc-edge@line1", "StatusText"), "READY")
    # A record that was put there past the commands: the judgement is that of the station's user.
    record = max((paths.calibration / "top").glob("*.toml"))
    os.chown(record, 0, 0)
    record.chmod(0o600)
    said = machine.run("sh", "-c", "qc-edge check line1; echo exit code $?")
    assert "exit code 65" in said, said
    assert "Permission denied" in said
    assert "exit code 2" in machine.run("sh", "-c", "qc-edge doctor line1; echo exit code $?")


def owner_is_root(path: Path) -> bool:
    """True unless it is another's, or has gone."""
    try:
        return path.lstat().st_uid == 0
    except FileNotFoundError:
        return False


def test_a_station_frozen_before_it_is_ready_ends_within_a_minute(machine: Machine) -> None:
    machine.add_station("line1")
    machine.run("systemctl", "start", "--no-block", "qc-edge@line1")
    until(lambda: machine.pid("line1"), "the process", every=0.01)
    os.kill(machine.host_pid("line1"), signal.SIGSTOP)
    frozen = time.monotonic()
    assert machine.show("qc-edge@line1", "ActiveState") == "activating"
    until(lambda: machine.show("qc-edge@line1", "NRestarts") == "1", "the next start", 90)
    took = time.monotonic() - frozen
    print(f"frozen while it started: ended after {took:.0f} s")
    assert 30 < took < 60
    until(lambda: "READY" in machine.show("qc-edge@line1", "StatusText"), "READY")
