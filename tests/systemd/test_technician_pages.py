"""docs/technician.md on a real box, page by page: the trouble is made, the box says what the page
says, the page's own commands are run as they are quoted there, and the station is well again.

A command with `sudo` is run by root, any other by a technician of the groups that the first page
names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import pytest

from qc_edge.rendered import render
from tests.quality.tools import REPOSITORY
from tests.systemd.machine import Machine
from tests.systemd.waiting import until

pytestmark = pytest.mark.root

DOCUMENT = (REPOSITORY / "docs/technician.md").read_text(encoding="utf-8")
TECHNICIAN = "anna"

NOT_HERE = {
    "The calibration has expired": "the time until then: tests/diagnostics/test_technician",
    "Something is past its date": "days that pass: tests/discipline",
    "A control chart gives an alarm": "a day of drift: tests/discipline",
    "A challenge is due": "certified parts before a camera: tests/station/test_challenge",
    "Parts are not those that the model was trained on": "days of drift: tests/training",
    "Frames are lost": "a cable that is bad: test_losses, test_camera_faults",
    "The station is behind the line": "a line that is too fast: test_lanes",
    "The spool grows": "a line that is faster than the model: test_lanes",
    "The engine fails": "a processor that fails: test_model_faults",
    "It stays starting": "a graphics processor that compiles: tests/gpu",
    "The clock is not synchronised": "the container's kernel tells the clock of its host",
    "After an upgrade": "two versions of the package: test_upgrade",
    "The file server is silent": "a file server that hangs",
    "Nothing goes upstream": "a store that does not answer: tests/upstream",
    "Another product comes": "two products and their recipes: tests/station/test_changeover",
    "The line gets no verdicts": "a PLC: tests/output, tests/cli/test_line",
    "Parts are held for a view": "several cameras of one part: tests/station/test_parts",
}
"""Pages whose trouble a container has not, and where it is made instead."""


@cache
def pages() -> dict[str, str]:
    """The text of each page, by its heading."""
    headings = re.split(r"(?m)^## (.+)$", DOCUMENT)[1:]
    return dict(zip(headings[::2], headings[1::2], strict=True))


class Page:
    """One page of the document, at a station of the box."""

    def __init__(self, box: Machine, heading: str, name: str) -> None:
        self.box, self.text, self.name = box, pages()[heading], name

    def do(self, command: str, code: int = 0, place: str = "", **words: str) -> str:
        """Run a command as it is quoted on the page; `words` stand in the place of its own, and
        `place` in that of the state of all stations.
        """
        assert f"`{command}`" in self.text, f"the page does not say {command!r}"
        line = command.replace("line1", self.name)
        line = line.replace("/var/lib/qc-edge", place or "/var/lib/qc-edge")
        for word, value in words.items():
            # The pages have an example of a part in some places.
            line = line.replace("48213", value) if word == "PART" else line
            line = line.replace(word, value)
        user = "root" if line.startswith("sudo ") else TECHNICIAN
        line = line.removeprefix("sudo ")
        said = self.box.run(
            "runuser", "-u", user, "--", "sh", "-c", f"cd /tmp; {line}; echo code $?", check=False
        )
        output, _, ended = said.rstrip().rpartition("code ")
        assert int(ended) == code, f"{line}\n{said}"
        return output

    def see(self, words: str, where: Callable[[], str]) -> str:
        """Wait until the box says what the page says that one sees."""
        assert words in self.text, f"the page does not say {words!r}"
        return until(lambda: (said := where()) and words in said and said, words) or ""

    def status(self) -> str:
        """What `systemctl status` says."""
        return self.box.status(self.name)

    def is_ready(self) -> bool:
        """True if systemd's line leads with READY."""
        return self.box.show(f"qc-edge@{self.name}", "StatusText").startswith("READY")

    def start(self) -> None:
        """Start the station, and wait until it judges."""
        self.box.run("systemctl", "start", f"qc-edge@{self.name}")
        until(self.is_ready, "the station to be ready")


@pytest.fixture(scope="module")
def box(shared_machine: Machine) -> Machine:
    """A box with a technician, who has joined the groups as the first page says."""
    (groups,) = re.findall(r"`sudo usermod -aG (\S+) \$USER`", pages()["First, always"])
    shared_machine.run("useradd", "--create-home", TECHNICIAN)
    shared_machine.run("usermod", "-aG", groups, TECHNICIAN)
    return shared_machine


def station(box: Machine, name: str, heading: str, camera: str = "none", **keys: float) -> Page:
    box.add_station(name, camera=camera, verdicts_per_s=1000.0, **keys)
    return Page(box, heading, name)


def drop(page: Page, file: str, seed: int, *, blurred: bool = False) -> None:
    """Another node drops a rendered part."""
    sharp = render(seed).pixels
    pixels = cv2.GaussianBlur(sharp, (0, 0), 12) if blurred else sharp
    incoming = page.box.paths(page.name).incoming
    cv2.imwrite(str(incoming / f".{file}"), pixels)
    (incoming / f".{file}").chmod(0o644)
    (incoming / f".{file}").rename(incoming / file)


def inspected(page: Page, count: int) -> None:
    until(
        lambda: len(page.box.journal("QC_EVENT=inspected", f"QC_STATION={page.name}")) >= count,
        f"{count} verdicts",
    )


def test_every_page_is_made_here_or_says_where() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    made = set(re.findall(r'station\(\s*box, "[a-z0-9]+", "([^"]+)"', source))
    assert made | NOT_HERE.keys() == pages().keys()
    assert not made & NOT_HERE.keys()


def test_first_always(box: Machine) -> None:
    page = station(box, "first", "First, always")
    page.start()
    assert "READY" in page.do("systemctl status qc-edge@line1")
    page.do("sudo qc-edge doctor line1 --brief", code=1)
    page.do("journalctl -u qc-edge@line1 -p warning --since -1h")
    assert "READY" in page.do("qc-edge status line1")
    page.do("sudo systemctl reload qc-edge@line1")
    assert "secrets removed" in page.do("sudo qc-edge support-bundle line1")
    page.do("sudo systemctl stop qc-edge@line1")
    page.do("qc-edge status line1", code=3)
    page.do("sudo systemctl start qc-edge@line1")
    until(page.is_ready, "the station to be ready again")


def test_a_stranger_is_told_what_to_do(box: Machine) -> None:
    box.run("useradd", "--create-home", "eve")
    for verb in ("status", "check", "support-bundle"):
        said = box.run("runuser", "-u", "eve", "--", "qc-edge", verb, "first", check=False)
        assert "sudo" in said, said
    said = box.run("runuser", "-u", "eve", "--", "qc-edge", "doctor", "first", check=False)
    assert "AMBER" in said, said


def test_a_camera_is_missing(box: Machine) -> None:
    page = station(box, "camera", "A camera is missing or lost", "basler:40012345")
    box.run("systemctl", "start", "qc-edge@camera")
    page.see("no Basler camera found", page.status)
    assert "no Basler camera found" in page.do("sudo qc-edge doctor line1 --brief", code=2)
    page.box.run("sed", "-i", "/^\\[\\[camera\\]\\]/,$d", "/etc/qc-edge/camera.toml")
    page.do("sudo systemctl restart qc-edge@line1")
    until(page.is_ready, "the station to be ready without the camera")


def test_the_settings_are_refused(box: Machine) -> None:
    page = station(box, "settings", "The settings are refused")
    box.set("settings", "verdicts_per_s", "many")
    box.run("systemctl", "start", "qc-edge@settings", check=False)
    page.see("NOT RESTARTED BY ITSELF: ", page.status)
    assert box.show("qc-edge@settings", "ExecMainStatus") == "78"
    assert "verdicts_per_s" in page.do("sudo qc-edge check line1", code=78)
    page.do("ls -l /etc/qc-edge")
    box.set("settings", "verdicts_per_s", 1000.0)
    page.do("sudo qc-edge check line1")
    page.do("sudo systemctl restart qc-edge@line1")
    until(page.is_ready, "the station to be ready")


def test_a_record_is_refused(box: Machine) -> None:
    page = station(box, "record", "The model or a record is refused")
    (record,) = box.paths("record").calibration.glob("incoming/*.toml")
    text = record.read_text()
    record.write_text(re.sub(r"(?m)^made_by = .*$", 'made_by = "somebody else"', text))
    box.run("systemctl", "start", "qc-edge@record", check=False)
    page.see("NOT RESTARTED BY ITSELF: ", page.status)
    page.see("has been changed: its content has the digest", page.status)
    assert box.show("qc-edge@record", "ExecMainStatus") == "65"
    page.do("sudo qc-edge check line1", code=65)
    record.write_text(text)
    page.do("sudo qc-edge check line1")
    page.do("sudo systemctl restart qc-edge@line1")
    until(page.is_ready, "the station to be ready")


def test_the_disk_is_full(box: Machine) -> None:
    page = station(box, "disk", "The disk is low or full")
    page.start()
    box.set("disk", "warn_free_mb", 1e9)
    box.set("disk", "stop_free_mb", 1e9)
    box.run("systemctl", "reload", "qc-edge@disk")
    page.see("HOLD: disk", page.status)
    page.do("df -h /var/lib/qc-edge")
    page.do("sudo qc-edge doctor line1", code=2)
    box.set("disk", "warn_free_mb", 1.0)
    box.set("disk", "stop_free_mb", 1.0)
    box.run("systemctl", "reload", "qc-edge@disk")
    until(page.is_ready, "the station to go on")


def test_the_disk_is_read_only(box: Machine) -> None:
    """Started while it is: systemd gives the service a copy of the mount, which stays read-only, so
    that a new process has to take over once the disk can be written.
    """
    place = "/var/lib/qc-edge/readonly"
    box.run("mkdir", "-p", place)
    box.run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place)
    page = station(box, "readonly", "The disk is read-only")
    box.set("readonly", "warn_free_mb", 1.0)
    box.set("readonly", "stop_free_mb", 1.0)
    page.start()
    box.run("systemctl", "stop", "qc-edge@readonly")
    box.run("mount", "-o", "remount,ro", place)
    box.run("systemctl", "start", "qc-edge@readonly")
    page.see("not ready: the disk is read-only", page.status)
    page.see("mounted read-only: nothing is captured or judged", page.status)
    assert box.show("qc-edge@readonly", "NRestarts") == "0", "it stays up"
    command = "sudo mount -o remount,rw /var/lib/qc-edge"
    page.do(command, place=place)
    until(page.is_ready, "the station to go on by itself")
    page.do("qc-edge verify line1")


def test_a_dropped_file_stays_where_it_is(box: Machine) -> None:
    page = station(box, "dropped", "A dropped file stays where it is")
    page.start()
    incoming = "/var/lib/qc-edge/dropped/spool/incoming"
    box.run("chown", "root:root", incoming)
    box.run("chmod", "755", incoming)
    drop(page, "stays.png", 1)
    page.see("cannot be taken", page.status)
    said = page.do("sudo qc-edge check line1", code=77)
    assert "spool/incoming cannot be read and written by this user" in said
    box.run("chown", "qc-edge:qc-edge", incoming)
    inspected(page, 1)


def test_a_camera_is_silent(box: Machine) -> None:
    page = station(box, "silent", "A camera is silent", "emulated", rate_hz=0.05)
    box.set("silent", "silence_s", 1.0)
    box.run("systemctl", "start", "qc-edge@silent")
    page.see("open, but no frame for", page.status)
    assert "no frame" in page.do("sudo qc-edge doctor line1 --brief", code=2)
    page.box.set("silent", "rate_hz", 10.0)
    page.do("sudo systemctl restart qc-edge@line1")
    until(page.is_ready, "the station to be ready")
    box.run("systemctl", "stop", "qc-edge@silent")


def test_a_worker_is_silent(box: Machine) -> None:
    page = station(box, "hangs", "A worker is silent")
    page.start()
    before = page.box.pid("hangs")
    box.run("kill", "-STOP", str(before))
    page.see("no answer for", lambda: box.run("qc-edge", "status", "hangs", check=False))
    until(lambda: page.box.pid("hangs") not in {0, before}, "systemd to start another process")
    until(page.is_ready, "the station to be ready again")


def test_the_station_is_already_running(box: Machine) -> None:
    page = station(box, "byhand", "The station is already running")
    box.set("byhand", "roles", ["capture"])
    box.run("sh", "-c", "qc-edge run byhand >/root/byhand.log 2>&1 &")
    status = "/run/qc-edge/byhand/status.json"
    until(lambda: '"ready": true' in box.run("cat", status, check=False), "it to run by hand")
    box.run("systemctl", "start", "qc-edge@byhand", check=False)
    page.see("is already run by", lambda: box.run("journalctl", "-u", "qc-edge@byhand"))
    assert box.show("qc-edge@byhand", "ExecMainStatus") == "75"
    said = box.run("journalctl", "-u", "qc-edge@byhand")
    (pid,) = set(re.findall(r"is already run by process (\d+)", said))
    # Whatever systemd has taken away by now, a second one does not get past the lock.
    assert "is already run by" in box.run("qc-edge", "run", "byhand", check=False)
    assert "qc-edge" in page.do("ps -fp PID", PID=pid)
    assert box.run("ps", "-o", "user=", "-p", pid).strip() == "qc-edge"
    assert not box.run("find", "/var/lib/qc-edge/byhand", "-user", "root")
    assert f'"pid": {pid}' in box.run("cat", status), "its status is still its own"
    page.do("sudo kill PID", PID=pid)
    until(lambda: page.box.pid("byhand") not in {0, int(pid)} and page.is_ready(), "the service")


def test_the_log_was_mended(box: Machine) -> None:
    page = station(box, "mended", "The log was mended")
    page.start()
    drop(page, "good.png", 1)
    inspected(page, 1)
    box.run("systemctl", "kill", "--signal=KILL", "qc-edge@mended")
    box.run("systemctl", "stop", "qc-edge@mended")
    with max(box.paths("mended").journal.glob("*.jsonl")).open("ab") as journal:
        journal.write(b"17\tabc")
    page.start()
    page.see("mended at start", lambda: box.run("qc-edge", "status", "mended", check=False))
    page.see(
        "torn bytes, which were cut off", lambda: box.run("journalctl", "-u", "qc-edge@mended")
    )
    page.do("sudo qc-edge verify line1")


def test_everything_is_invalid(box: Machine) -> None:
    page = station(box, "invalid", "Everything is INVALID")
    page.start()
    drop(page, "blurred.png", 3, blurred=True)
    inspected(page, 1)
    page.see("INVALID", lambda: box.run("qc-edge", "status", "invalid", check=False))
    page.see("low_focus", lambda: box.run("qc-edge", "status", "invalid", check=False))
    page.do("qc-edge part line1 PART", PART="1")
    picture = box.paths("invalid").state / "blurred.png"
    cv2.imwrite(str(picture), cv2.GaussianBlur(render(3).pixels, (0, 0), 12))
    file = "/var/lib/qc-edge/invalid/blurred.png"
    box.run("chown", "qc-edge:qc-edge", file)
    said = page.do("qc-edge prepare FILE --station line1", code=0, FILE=file)
    assert "focus" in said


def test_parts_are_held_for_their_identity(box: Machine) -> None:
    page = station(box, "identity", "Parts are held for their identity")
    page.start()
    drop(page, "a.png", 5)
    inspected(page, 1)
    drop(page, "b.png", 5)
    inspected(page, 2)
    page.see("repeated_frame", lambda: box.run("journalctl", "-u", "qc-edge@identity"))


def test_a_verdict_is_disputed(box: Machine) -> None:
    page = station(box, "disputed", "A verdict is disputed")
    page.start()
    drop(page, "a.png", 7)
    inspected(page, 1)
    until(
        lambda: "PASS" in box.run("qc-edge", "part", "disputed", "1", check=False),
        "the row to be published",
    )
    page.do("qc-edge part line1 48213", PART="1")
    page.do("qc-edge part line1 48213 --report 48213.html", PART="1")
    # `part` looks into the journal as well; `replay` reads what is published, some seconds later.
    until(
        lambda: (
            "PASS" in box.run("qc-edge", "replay", "disputed", "--threshold", "0.5", check=False)
        ),
        "the row to be in the published log",
    )
    page.do("qc-edge replay line1 --threshold 0.42")
