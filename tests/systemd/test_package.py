"""The Debian package and the wheel, on a box without a network: installed, removed; data stay."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine, layer, run_in
from tests.systemd.test_faults import inspected, start
from tests.systemd.waiting import until

pytestmark = pytest.mark.root


def version_of(package: Path) -> str:
    said = subprocess.run(
        ["dpkg-deb", "--field", package, "Version"], capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


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


def without_others_files(package: Path, directory: Path) -> Path:
    """The package without the Python and the wheels in it: the files that are ours."""
    tree = directory / "tree"
    control = tree / "DEBIAN"
    tree.mkdir()
    subprocess.run(["dpkg-deb", "--control", package, control], check=True)
    libraries = "./usr/lib/qc-edge/environment/lib"
    unpacked = (
        f"dpkg-deb --fsys-tarfile {package} | tar -x -C {tree} "
        f"--exclude='{libraries}/python3/dist-packages/[!q]*' --exclude='{libraries}/python3.11' "
        f"--exclude='{libraries}/lib*'"
    )
    subprocess.run(["bash", "-o", "pipefail", "-c", unpacked], check=True)
    sums = control / "md5sums"
    of_ours = [line for line in sums.read_text().splitlines() if (tree / line[34:]).exists()]
    sums.write_text("".join(f"{line}\n" for line in of_ours))
    made = directory / package.name
    build = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(made)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return made


def test_what_is_ours_in_the_package_is_what_lintian_passes(package: Path, tmp_path: Path) -> None:
    lintian = shutil.which("lintian")
    if lintian is None:
        pytest.skip("lintian is missing: apt install lintian")
    ours = without_others_files(package, tmp_path)
    said = subprocess.run(
        [lintian, "--allow-root", "--fail-on", "error,warning", ours],
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
