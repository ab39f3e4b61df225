"""The Debian package and the wheel, on a box without a network: installed, upgraded, removed; data
stay.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.harness import dropped, spooled
from tests.systemd.machine import Machine, layer, run_in
from tests.systemd.test_faults import inspected, start, stop_and_audit
from tests.systemd.test_service import drop
from tests.systemd.waiting import until

pytestmark = pytest.mark.root


def version_of(package: Path) -> str:
    said = subprocess.run(
        ["dpkg-deb", "--field", package, "Version"], capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def repackaged(package: Path, version: str, directory: Path) -> Path:
    """The same software as another version of the package."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    for script in ("control", "postinst"):
        path = tree / "DEBIAN" / script
        path.write_text(path.read_text().replace(version_of(package), version))
    made = directory / "other.deb"
    subprocess.run(
        ["dpkg-deb", "-Znone", "--build", tree, made], check=True, stdout=subprocess.DEVNULL
    )
    shutil.rmtree(tree)
    return made


def install(box: Machine, package: Path) -> None:
    """As an integrator does, from a stick."""
    shutil.copy(package, box.tree / "root" / package.name)
    box.run("dpkg", "--install", f"/root/{package.name}")
    (box.tree / "root" / package.name).unlink()


def test_an_upgrade_leaves_no_frame_behind(machine: Machine, package: Path, tmp_path: Path) -> None:
    old = version_of(package)
    new = f"{old}.upgrade"
    start(machine, "running")
    machine.add_station("stopped", verdicts_per_s=1000.0)
    for number in range(20):
        drop(machine, "stopped", f"waiting{number}.png")
    pid = machine.pid("running")
    install(machine, repackaged(package, new, tmp_path))
    assert machine.run("readlink", "/opt/qc-edge/current").strip() == new
    assert machine.run("readlink", "/opt/qc-edge/previous").strip() == old
    until(
        lambda: machine.show("qc-edge@running", "SubState") == "running", "the new version to run"
    )
    assert machine.pid("running") != pid
    assert machine.show("qc-edge@running", "NRestarts") == "0"
    assert machine.show("qc-edge@stopped", "ActiveState") == "inactive", (
        "an upgrade starts nothing by itself"
    )
    machine.run("systemctl", "start", "qc-edge@stopped")
    paths = machine.paths("stopped")
    until(
        lambda: not dropped(paths) and len(spooled(paths)) < 3, "the waiting frames to be inspected"
    )
    for name in ("running", "stopped"):
        log = stop_and_audit(machine, name)
        assert log.inspections
    names = [row["original_name"] for row in log.inspections if row["original_name"]]
    assert sorted(names) == sorted(f"waiting{number}.png" for number in range(20))


def test_removing_and_purging_keep_settings_and_records(machine: Machine) -> None:
    start(machine)
    machine.run("dpkg", "--remove", "qc-edge")
    assert machine.show("qc-edge@line1", "ActiveState") == "inactive"
    assert not (machine.tree / "opt/qc-edge").exists()
    assert machine.show("user.slice", "CPUWeight") != "idle", "the box is as it was"
    assert not list((machine.tree / "usr/lib/systemd/system").rglob("*qc-edge*"))
    said = machine.run("dpkg", "--purge", "qc-edge")
    assert "still kept: /etc/qc-edge and /var/lib/qc-edge" in said
    paths = machine.paths("line1")
    assert paths.settings.exists()
    assert paths.database.exists()
    assert not list((machine.tree / "etc/systemd/system").rglob("*qc-edge*"))


@pytest.mark.timeout(900)  # a minute of work, more on a busy machine
def test_the_package_is_one_that_lintian_passes(package: Path) -> None:
    lintian = shutil.which("lintian")
    if lintian is None:
        pytest.skip("lintian is missing: apt install lintian")
    said = subprocess.run(
        [lintian, "--allow-root", "--fail-on", "error,warning", package],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout


@pytest.fixture
def wheel_box(bare: Path, package: Path, tmp_path: Path) -> Iterator[Machine]:
    """A box with the same software in a virtual environment, as pip lays it down on a distribution
    without .deb.
    """
    environment = tmp_path / "extracted/usr/lib/qc-edge/environment"
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "extracted"], check=True)
    with layer([bare], tmp_path / "box") as tree:
        run_in(tree, "python3", "-m", "venv", "--system-site-packages", "/srv/qc")
        (libraries,) = (tree / "srv/qc/lib").glob("python3.*/site-packages")
        shutil.copytree(
            environment / "lib/python3/dist-packages", libraries, dirs_exist_ok=True, symlinks=True
        )
        shutil.copytree(environment / "share/qc-edge", tree / "srv/qc/share/qc-edge")
        script = tree / "srv/qc/bin/qc-edge"
        script.write_text("#!/srv/qc/bin/python\nfrom qc_edge.cli import main\n\nmain()\n")
        script.chmod(0o755)
        box = Machine(tree)
        box.boot()
        yield box
        box.cut_the_power()


def test_a_wheel_makes_an_appliance_too_and_unmakes_it(wheel_box: Machine) -> None:
    box = wheel_box
    said = box.run("/srv/qc/bin/qc-edge", "install")
    assert re.search(r"new +/etc/systemd/system/qc-edge@\.service", said)
    assert box.show("user.slice", "CPUWeight") == "idle"
    box.run("/srv/qc/bin/qc-edge", "init", "line1", "--camera", "emulated")
    box.run("/srv/qc/bin/qc-edge", "install", "--station", "line1")
    box.run("systemctl", "start", "qc-edge@line1")
    until(lambda: inspected(box) > 2, "the first verdicts")
    again = box.run("/srv/qc/bin/qc-edge", "install", "--station", "line1", "--json")
    assert not {"new", "updated", "removed", "owner", "granted"} & set(
        re.findall(r'"what": "([^"]+)"', again)
    )
    box.run("/srv/qc/bin/qc-edge", "uninstall")
    assert box.show("qc-edge@line1", "LoadState") == "not-found"
    assert box.show("user.slice", "CPUWeight") != "idle", "the box is as it was"
    assert box.paths("line1").database.exists()
    assert not list((box.tree / "etc/systemd").rglob("*qc-edge*"))
