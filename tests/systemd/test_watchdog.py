"""Stations that hang, under a real systemd: the watchdog kills each, and it inspects again, records
whole.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.systemd.machine import Machine
from tests.systemd.test_faults import bitten, inspected, restarts, start, stop_and_audit
from tests.systemd.waiting import until

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def sick(shared_machine: Machine) -> Machine:
    """Three stations that hang at the same time: one frozen, one in its engine, one in its
    camera.
    """
    box = shared_machine
    libraries = box.tree / "opt/qc-edge/current/lib/python3/dist-packages"
    shutil.copy(Path(__file__).parent / "wedge.py", libraries / "qc_wedge.py")
    (libraries / "qc_wedge.pth").write_text("import qc_wedge\n")
    start(box, "frozen")
    start(box, "engine")
    parts = box.tree / "srv/parts"
    shutil.copytree(box.paths("engine").emulated_parts, parts)
    box.run("chmod", "-R", "o+rX", "/srv/parts")
    box.run("systemctl", "stop", "qc-edge@engine")
    box.add_station("camera", camera="folder:/srv/parts", rate_hz=4.0, verdicts_per_s=1000.0)
    for name in ("engine", "camera"):
        box.run("systemctl", "start", f"qc-edge@{name}")
        until(lambda: inspected(box, name) > 5, "verdicts")  # noqa: B023
    os.kill(box.host_pid("frozen"), signal.SIGSTOP)
    (box.paths("engine").state / "wedge").touch()
    # whoever opens a pipe that nobody writes waits for ever, as in a driver that does not come back
    for part in sorted(parts.glob("*.png"))[::6]:
        part.unlink()
        os.mkfifo(part, 0o644)
    return box


def test_a_frozen_station_is_killed_by_the_watchdog_and_started_again(sick: Machine) -> None:
    until(lambda: bitten(sick, "frozen"), "the watchdog to bite")
    until(lambda: restarts(sick, "frozen") == 1, "the restart")
    stop_and_audit(sick, "frozen")


def test_a_hung_engine_is_killed_and_its_frames_are_inspected_later(sick: Machine) -> None:
    until(
        lambda: sick.journal("QC_EVENT=silent", "QC_STATION=engine"),
        "the silent worker to be named",
    )
    until(lambda: bitten(sick, "engine"), "the watchdog to bite")
    assert sick.journal("--grep=qc_wedge.py"), "the stack of the hung thread is not in the journal"
    (sick.paths("engine").state / "wedge").unlink()
    log = stop_and_audit(sick, "engine")
    assert any(row["hold_reason"] == "recovered" for row in log.inspections)


def test_a_wedged_capture_is_killed_and_started_again(sick: Machine) -> None:
    until(lambda: bitten(sick, "camera"), "the watchdog to bite", 90)
    assert "capture-top" in sick.journal("QC_EVENT=silent", "QC_STATION=camera")[0]["MESSAGE"]
    for pipe in (sick.tree / "srv/parts").iterdir():
        if pipe.is_fifo():
            pipe.unlink()
    stop_and_audit(sick, "camera")
