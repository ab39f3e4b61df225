"""Upgrade and rollback of a box with four stations: how long it takes, what is said, what runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.systemd.machine import Machine
from tests.systemd.test_faults import inspected, start
from tests.systemd.test_package import version_of
from tests.systemd.test_upkeep import add_without_camera
from tests.systemd.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]

RATE_HZ = 1.0
"""What is under test takes the processor longer than these stations should."""

NEWER_COLUMN = "ALTER TABLE inspections ADD COLUMN newer VARCHAR;\n"
NEWER_FIELD = '    newer: str | None = "of the newer version"\n'


def another_version(package: Path, directory: Path, version: str, *changes: Change) -> Path:
    """The package as another version, with changes to its files."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    for script in ("control", "postinst"):
        path = tree / "DEBIAN" / script
        path.write_text(path.read_text().replace(version_of(package), version))
    (software,) = tree.glob("usr/lib/qc-edge/environment/lib/python3*/dist-packages")
    for unit in [*tree.rglob("qc-edge@.service"), *software.rglob("qc-edge@.service")]:
        unit.write_text(
            unit.read_text().replace("[Service]", f"[Service]\nEnvironment=V={version}")
        )
    for change in changes:
        change(software)
    compile_modules(tree, software / "qc_edge")
    made = directory / f"{version}.deb"
    command = ["dpkg-deb", "-Znone", "--build", str(tree), str(made)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return made


def compile_modules(tree: Path, modules: Path) -> None:
    """As the package has them: without, each process that starts would compile all of them."""
    for compiled in modules.rglob("*.pyc"):
        compiled.unlink()
    python = tree / "usr/lib/qc-edge/environment/bin/python3.11"
    mode = ["--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", "/"]
    subprocess.run([python, "-I", "-m", "compileall", "-q", *mode, modules], check=True)


Change = Callable[[Path], None]
"""What is done to the directory that `qc_edge` is in."""


def with_another_schema(software: Path) -> None:
    """A migration and a field more, which every row then has."""
    schema = software / "qc_edge/store/log/schema.sql"
    schema.write_text(f"{schema.read_text()}\n-- migration m900_newer\n\n{NEWER_COLUMN}")
    rows = software / "qc_edge/domain/inspection.py"
    text, changed = re.subn(
        r"(    exposure_source: ExposureSource \| None\n(?:    (?:\w+:|#) .*\n)*)",
        rf"\g<1>{NEWER_FIELD}",
        rows.read_text(),
        count=1,
    )
    assert changed
    rows.write_text(text)


def installed(box: Machine, package: Path) -> tuple[int, str, float]:
    """Install it as from a stick: exit code, what was said, seconds."""
    shutil.move(package, box.tree / "root" / package.name)
    begun = time.monotonic()
    # Half a gigabyte in 8,000 files: that they reach the disk one by one proves nothing here.
    command = f"dpkg --force-unsafe-io --install /root/{package.name}; echo exit code $?"
    said = box.run("sh", "-c", command)
    took = time.monotonic() - begun
    (box.tree / "root" / package.name).unlink()
    return int(said.split()[-1]), said, took


def rolled_back(box: Machine, program: str = "qc-edge") -> tuple[str, float]:
    """`qc-edge rollback`: what it says, and seconds."""
    begun = time.monotonic()
    said = box.run(program, "rollback")
    return said, time.monotonic() - begun


def software_of(box: Machine, name: str) -> str:
    """The version that a station's process runs, by what it has in memory."""
    maps = box.run("cat", f"/proc/{box.pid(name)}/maps")
    (version,) = set(re.findall(r" /opt/qc-edge/([^/]+)/", maps))
    return str(version)


def line_of(said: str, name: str) -> str:
    """What was said of a station."""
    (line,) = re.findall(rf"(?m)^.*\b{name}: .*$", said)
    return str(line)


def four_stations(box: Machine) -> None:
    """One that is well, one without a camera, one that holds, one whose records are refused."""
    start(box, "well", rate_hz=RATE_HZ)
    add_without_camera(box, "blind")
    box.run("systemctl", "start", "qc-edge@blind")
    start(box, "holding", rate_hz=RATE_HZ)
    box.set("holding", "stop_free_mb", 1e9)
    box.set("holding", "warn_free_mb", 2e9)
    box.run("systemctl", "reload", "qc-edge@holding")
    start(box, "refused", rate_hz=RATE_HZ)
    newest = max((box.paths("refused").calibration / "top").glob("*.toml"))
    newest.write_text(newest.read_text().replace("made_by = ", 'made_by = "x" # '))
    until(lambda: "HOLD" in box.show("qc-edge@holding", "StatusText"), "the hold")


def test_an_upgrade_and_a_rollback_of_four_stations(
    machine: Machine, package: Path, tmp_path: Path
) -> None:
    old = version_of(package)
    new = f"{old}.newer"
    newer = another_version(package, tmp_path, new, with_another_schema)
    four_stations(machine)
    refused_pid = machine.pid("refused")

    code, said, took = installed(machine, newer)
    print(f"upgrade: {took:.1f} s, exit code {code}\n{said}")
    assert code == 0
    running = {name: software_of(machine, name) for name in ("well", "blind", "holding", "refused")}
    assert running == {"well": new, "blind": new, "holding": new, "refused": old}
    assert machine.pid("refused") == refused_pid, "the line was not stopped"
    assert f"V={new}" in machine.show("qc-edge@well", "Environment")
    assert "READY" in line_of(said, "well")
    assert "NOT READY: camera top" in line_of(said, "blind")
    assert "NOT READY: HOLD: disk" in line_of(said, "holding")
    assert "NOT RESTARTED" in line_of(said, "refused")
    before = inspected(machine, "well")
    until(lambda: inspected(machine, "well") > before + 3, "verdicts of the newer version")

    said, took = rolled_back(machine)
    print(f"rollback: {took:.1f} s\n{said}")
    running = {name: software_of(machine, name) for name in ("well", "blind", "holding", "refused")}
    assert set(running.values()) == {old}
    assert f"V={new}" not in machine.show("qc-edge@well", "Environment")
    assert machine.pid("refused") == refused_pid
    assert "READY" in line_of(said, "well")
    before = inspected(machine, "well")
    until(lambda: inspected(machine, "well") > before + 3, "verdicts of the version before")

    said, took = rolled_back(machine, f"/opt/qc-edge/{new}/bin/qc-edge")
    print(f"forward again: {took:.1f} s\n{said}")
    assert software_of(machine, "well") == new
    assert f"V={new}" in machine.show("qc-edge@well", "Environment")
    before = inspected(machine, "well")
    until(lambda: inspected(machine, "well") > before + 3, "verdicts of the newer version again")
    machine.run("systemctl", "stop", "qc-edge@well")
    told = machine.run("qc-edge", "verify", "well", check=False)
    assert "everything holds" in told, told
