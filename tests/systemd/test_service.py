"""A station under a real systemd: started, asked, reloaded, stopped, with systemctl and journalctl
alone.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.station.audit import audit, read_log
from tests.station.harness import dropped, spooled
from tests.systemd.machine import Machine
from tests.systemd.waiting import until

pytestmark = pytest.mark.root
VISIT = Path(__file__).with_name("visit_page.py")


@pytest.fixture(scope="module")
def box(shared_machine: Machine) -> Machine:
    """A box with a running station; its own cameras' pictures serve as dropped frames too."""
    shared_machine.add_station("line1", rate_hz=5.0)
    shared_machine.append("line1", "incoming", "part_id_pattern = '^part-(?P<part>[a-z0-9]+)'")
    shared_machine.run("systemctl", "start", "qc-edge@line1")
    return shared_machine


def drop(box: Machine, name: str, file: str) -> None:
    """Put one of the rendered parts into the station's incoming directory, as another node does."""
    paths = box.paths(name)
    source = min(paths.emulated_parts.glob("*.png"))
    shutil.copy(source, paths.incoming / f".{file}")
    (paths.incoming / f".{file}").chmod(0o644)
    (paths.incoming / f".{file}").rename(paths.incoming / file)


def test_systemctl_start_returns_when_the_station_is_ready(box: Machine) -> None:
    assert box.show("qc-edge@line1", "ActiveState") == "active"
    # Its software is: the camera is opened meanwhile.
    until(lambda: "READY" in box.show("qc-edge@line1", "StatusText"), "the camera too", 10)


def test_a_station_is_weighed_against_everybody_else_not_only_other_services(box: Machine) -> None:
    assert box.show("qc-edge@line1", "ControlGroup") == "/qc-edge@line1.service"
    weights = {
        unit: box.show(unit, "CPUWeight")
        for unit in ("qc-edge@line1", "user.slice", "system.slice")
    }
    assert weights.pop("qc-edge@line1") == "1000"
    assert weights.pop("user.slice") == "idle", "what people start gives way at once"
    assert set(weights.values()) <= {"100", "[not set]", str(2**64 - 1)}


def test_a_station_goes_first_at_the_disk_and_its_upkeep_behind_it(box: Machine) -> None:
    pid = box.pid("line1")
    assert box.run("ionice", "-p", str(pid)).strip() == "realtime: prio 4"
    threads = box.run("ls", f"/proc/{pid}/task").split()
    classes = Counter(box.run("ionice", "-p", *threads, check=False).splitlines())
    assert set(classes) == {"realtime: prio 4", "best-effort: prio 7"}
    assert classes["best-effort: prio 7"] >= 2, "publication and janitor"


def test_systemctl_status_reads_like_an_answer(box: Machine) -> None:
    until(lambda: "p99" in box.status("line1"), "a status line with a latency")
    (line,) = [
        line.strip()
        for line in box.status("line1").splitlines()
        if line.strip().startswith("Status:")
    ]
    assert line.startswith('Status: "READY · ')
    for words in (
        " today: ",
        " PASS, ",
        " FAIL, ",
        " INVALID",
        " · spool ",
        " ms",
        "reference@1 onnx",
        "due in",
    ):
        assert words in line, line


def test_the_journal_tells_a_parts_story(box: Machine) -> None:
    drop(box, "line1", "part-48213.png")
    until(lambda: box.journal("QC_PART=48213"), "the part in the journal")
    (entry,) = box.journal("QC_PART=48213")
    (row,) = rows_of_part(box, "48213")
    assert entry["QC_STATION"] == "line1"
    assert entry["QC_FRAME"] == row["frame_id"]
    assert entry["QC_VERDICT"] == row["verdict"]
    assert entry["QC_EVENT"] == "inspected"
    assert entry["_SYSTEMD_UNIT"] == "qc-edge@line1.service"


def rows_of_part(box: Machine, part: str) -> list[dict[str, object]]:
    """The inspections of a part, as the station's own text journal of rows has them."""
    box.run("systemctl", "stop", "qc-edge@line1")
    rows = [row for row in read_log(box.paths("line1")).inspections if row["part_id"] == part]
    box.run("systemctl", "start", "qc-edge@line1")
    return rows


def test_priorities_tell_the_grave_from_the_usual(box: Machine) -> None:
    until(lambda: box.journal("QC_VERDICT=FAIL"), "a part that fails")
    assert {
        entry["PRIORITY"] for entry in box.journal("QC_VERDICT=PASS", "QC_DISPOSITION=ACCEPT")
    } == {"6"}
    assert {entry["PRIORITY"] for entry in box.journal("QC_VERDICT=FAIL")} == {"4"}
    assert {entry["PRIORITY"] for entry in box.journal("QC_EVENT=started")} == {"6"}


def test_a_reload_takes_over_what_can_change_and_refuses_nonsense(box: Machine) -> None:
    pid = box.pid("line1")
    box.set("line1", "verdicts_per_s", 7.0)
    box.run("systemctl", "reload", "qc-edge@line1")
    until(lambda: box.journal("QC_EVENT=settings"), "the change in the journal")
    assert "7" in box.journal("QC_EVENT=settings")[-1]["MESSAGE"]
    box.set("line1", "verdicts_per_s", -1)
    said = box.run("systemctl", "reload", "qc-edge@line1", check=False)
    assert "failed" in said, said
    until(
        lambda: box.journal("QC_EVENT=settings_refused", "PRIORITY=3"), "the refusal in the journal"
    )
    box.set("line1", "verdicts_per_s", 5.0)
    box.run("systemctl", "reload", "qc-edge@line1")
    assert box.pid("line1") == pid
    assert box.show("qc-edge@line1", "ActiveState") == "active"


def test_two_stations_run_side_by_side(box: Machine) -> None:
    box.add_station("line2", rate_hz=5.0)
    box.run("systemctl", "start", "qc-edge@line2")

    def inspected(name: str) -> int:
        return len(box.journal("QC_EVENT=inspected", f"QC_STATION={name}"))

    before = inspected("line1")
    until(lambda: inspected("line1") > before + 3 and inspected("line2") > 3, "verdicts of both")
    box.run("systemctl", "stop", "qc-edge@line2")
    log = audit(box.paths("line2"), drained=False)
    assert len(log.inspections) > 3


def test_the_page_under_its_unit_shows_parts_and_keeps_what_a_person_says(box: Machine) -> None:
    """Confined as its unit has it: a log-in, a picture, a label that the station takes up."""
    added = box.run("qc-edge", "user", "line1", "add", "anna", "--role", "reviewer", "--json")
    box.run("systemctl", "start", "qc-edge-page@line1")
    box.write("/root/visit_page.py", VISIT.read_text())
    python = "/opt/qc-edge/current/bin/python"
    assert "kept" in box.run(python, "/root/visit_page.py", json.loads(added)["code"])
    asked = ("qc-edge", "sql", "line1", "SELECT label, who FROM labels", "--csv")
    until(lambda: "good,anna" in box.run(*asked), "the label in the log", 60)
    assert box.show("qc-edge-page@line1", "NRestarts") == "0"
    box.run("systemctl", "stop", "qc-edge-page@line1")
    assert box.show("qc-edge-page@line1", "Result") == "success"


def test_a_stop_under_load_takes_less_than_five_seconds_and_loses_nothing(box: Machine) -> None:
    for number in range(60):
        drop(box, "line1", f"part-load{number}.png")
    begun = time.monotonic()
    box.run("systemctl", "stop", "qc-edge@line1")
    assert time.monotonic() - begun < 5
    assert box.show("qc-edge@line1", "Result") == "success"
    assert len(spooled(box.paths("line1"))) > 5, "the stop came after the load"
    box.run("systemctl", "start", "qc-edge@line1")
    until(lambda: not _waiting(box), "the backlog to be inspected", 60)
    box.run("systemctl", "stop", "qc-edge@line1")
    log = read_log(box.paths("line1"))
    loaded = [
        row["original_name"] for row in log.inspections if "load" in (row["original_name"] or "")
    ]
    assert sorted(loaded) == sorted(f"part-load{number}.png" for number in range(60))


def _waiting(box: Machine) -> list[str]:
    """The dropped files that have no row yet: the camera's own frames come and go meanwhile."""
    paths = box.paths("line1")
    return [name for name in spooled(paths) + dropped(paths) if "part-load" in name]
