"""A Debian box with a real systemd, in a container: made once, booted in half a second, thrown
away.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qc_edge.settings import StationPaths
from tests.systemd.waiting import until

PYTHON = "/opt/qc-edge/current/bin/python"
_POWEROFF = signal.SIGRTMIN + 4  # to systemd as pid 1, see systemd(1)
_ENVIRONMENT = (
    "env",
    "-i",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "COLUMNS=300",
    "SYSTEMD_PAGER=",
    "SYSTEMD_COLORS=0",
)


def base_tree(*which: str) -> Path:
    """A tree of base.sh (the suite and architecture, if any), made once and kept for the next
    run.
    """
    made = subprocess.run(
        [Path(__file__).with_name("base.sh"), *which], text=True, capture_output=True
    )
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@contextmanager
def layer(below: Sequence[Path], directory: Path) -> Iterator[Path]:
    """A tree that looks like those `below` (the uppermost first); changes stay in
    `directory`/changes.
    """
    changes, work, tree = (directory / name for name in ("changes", "work", "tree"))
    for path in (changes, work, tree):
        path.mkdir(parents=True)
    options = f"lowerdir={':'.join(map(str, below))},upperdir={changes},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(tree)], check=True)
    try:
        yield tree
    finally:
        subprocess.run(["umount", str(tree)], check=True)
        shutil.rmtree(work)


def run_in(tree: Path, *command: str, bind: Sequence[str] = ()) -> str:
    """What `command` says in a tree that is not booted, without a network."""
    ran = subprocess.run(
        [
            "systemd-nspawn",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--pipe",
            "--private-network",
            f"--directory={tree}",
            *(f"--bind-ro={each}" for each in bind),
            *command,
        ],
        text=True,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@dataclass
class Machine:
    """A box: `tree` holds its files, `boot` switches it on. Everything is asked through its own
    systemd.
    """

    tree: Path
    bind: list[str] = field(default_factory=list)
    view: Path | None = None
    """Where the test's machine finds the files of stations, if not in `tree`."""
    _process: subprocess.Popen[bytes] | None = None
    _leader: int = 0

    def boot(self) -> None:
        """Switch on, and wait until systemd has started what it starts at boot."""
        # setpriv: a container must not outlive a test run that is killed
        command = [
            "setpriv",
            "--pdeathsig",
            "TERM",
            "systemd-nspawn",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--boot",
            "--private-network",
            "--console=pipe",
            "--link-journal=no",
            f"--directory={self.tree}",
            *(f"--bind={each}" for each in self.bind),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._leader = until(self._find_leader, "systemd to be pid 1 of the container")
        until(self._is_up, "the boot to end")

    def run(self, *command: str, check: bool = True) -> str:
        """What `command` says, run by root on this box."""
        ran = subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", *_ENVIRONMENT, *command],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if check and ran.returncode:
            said = self.run("journalctl", "--no-pager", "--lines=25", "--output=cat", check=False)
            raise AssertionError(f"{' '.join(command)}\n{ran.stdout}\n{said}")
        return ran.stdout

    def poweroff(self) -> None:
        """Shut down in order."""
        self._end(lambda: os.kill(self._leader, _POWEROFF))

    def cut_the_power(self) -> None:
        """Everything on the box dies at once; what it had not handed to the kernel is gone."""
        self._end(lambda: os.kill(self._leader, signal.SIGKILL))

    def show(self, unit: str, prop: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={prop}", unit).strip()

    def status(self, name: str) -> str:
        """What a technician sees of station `name`."""
        return self.run(
            "systemctl", "status", "--full", "--lines=5", f"qc-edge@{name}", check=False
        )

    def pid(self, name: str) -> int:
        """The station's main process, as the box numbers it; 0 if there is none."""
        return int(self.show(f"qc-edge@{name}", "MainPID"))

    def host_pid(self, name: str) -> int:
        """The same process as the test's machine numbers it."""
        inner, box = self.pid(name), os.readlink(f"/proc/{self._leader}/ns/pid")  # noqa: PTH115
        for path in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                numbers = re.search(r"(?m)^NSpid:\t(.*)$", path.read_text())
                is_it = numbers and numbers[1].split()[1:] == [str(inner)]
                # another box beside this one may have given the same number
                if is_it and os.readlink(path.parent / "ns/pid") == box:  # noqa: PTH115
                    return int(path.parent.name)
        raise AssertionError(f"process {inner} of station {name} was not found")

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """The entries of the journal that match, oldest first."""
        lines = self.run(
            "journalctl", "--output=json", "--no-pager", *matches, check=False
        ).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def paths(self, name: str) -> StationPaths:
        """The files of station `name`, as the test's machine sees them."""
        return StationPaths(self.view or self.tree, name)

    def write(self, place: str, text: str) -> None:
        """Put a file on the box."""
        path = self.tree / place.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def drop_in(self, unit: str, text: str) -> None:
        """Add to a unit, until the next boot."""
        directory = f"/run/systemd/system/{unit}.d"
        self.run("mkdir", "-p", directory)
        self.run("sh", "-c", f"printf '%s' \"$1\" >{directory}/99-test.conf", "sh", text)
        self.run("systemctl", "daemon-reload")

    def add_station(self, name: str, camera: str = "emulated", **settings: float | str) -> None:
        """`qc-edge init` and `qc-edge install --station`, with other values for keys of the
        settings.
        """
        self.run("qc-edge", "init", name, "--camera", camera)
        for key, value in settings.items():
            self.set(name, key, value)
        self.run("qc-edge", "install", "--station", name)

    def set(self, name: str, key: str, value: float | str | list[str]) -> None:
        """Give a key of the settings that stands there, commented out or not, another value."""
        path = self.paths(name).settings
        text, changed = re.subn(
            rf"(?m)^#? ?{key} = .*$", f"{key} = {json.dumps(value)}", path.read_text(), count=1
        )
        assert changed, f"{key} is not in {path}"
        path.write_text(text)

    def append(self, name: str, section: str, line: str) -> None:
        """Add a line to a section of the settings."""
        path = self.paths(name).settings
        head = f"[{section}]\n"
        text = path.read_text()
        path.write_text(
            text.replace(head, f"{head}{line}\n") if head in text else f"{text}\n{head}{line}\n"
        )

    def _find_leader(self) -> int:
        process = self._process
        assert process
        assert process.poll() is None, "the container has ended"
        for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in children.read_text().split():
                with suppress(OSError):
                    if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                        return int(child)
        return 0

    def _is_up(self) -> bool:
        # not is-system-running: a station that compiles its model is a job that has not ended
        return (
            self.run("systemctl", "is-active", "multi-user.target", check=False).strip() == "active"
        )

    def _end(self, how: Callable[[], None]) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                how()
            self._process.wait(60)
            self._process = None


def tools_missing() -> list[str]:
    """What this machine lacks for containers, in words."""
    missing = [
        tool
        for tool in ("systemd-nspawn", "debootstrap", "nsenter", "dpkg-deb")
        if not shutil.which(tool)
    ]
    return missing if os.geteuid() == 0 else ["root", *missing]
