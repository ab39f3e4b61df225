"""The package on the bare boxes it is made for: the distribution's base and systemd, no Python, no
network, `dpkg --install` alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quality.tools import REPOSITORY
from tests.systemd.machine import PYTHON, Machine, base_tree, layer, run_in, tools_missing
from tests.systemd.test_faults import inspected, start
from tests.systemd.waiting import until

pytestmark = pytest.mark.root

UBUNTU = ("jammy", "noble")
OLDEST = {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}
"""The newest versions of symbols that the libraries of Ubuntu 22.04 have."""

OF_A_STATION = (
    "ssl, ctypes, lzma, xml.etree.ElementTree, zoneinfo, multiprocessing, systemd.journal, cv2, "
    "pypylon.pylon, duckdb, numpy.testing, onnx, re2, simplejpeg, PIL.Image, cryptography.x509"
)
"""What the software imports, on every architecture."""

_ARM_EMULATOR = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")


def bare_tree(suite: str, *arch: str) -> Path:
    if missing := tools_missing():
        pytest.skip(f"needs {', '.join(missing)}: run .ci/run as root")
    try:
        return base_tree(suite, *arch)
    except AssertionError as error:
        if suite in UBUNTU and "Failed getting release file" in str(error):
            pytest.skip("no packages of Ubuntu can be reached from here")
        raise


def install_alone(tree: Path, package: Path) -> None:
    name = f"/{package.name}"
    run_in(tree, "dpkg", "--force-unsafe-io", "--install", name, bind=[f"{package}:{name}"])


@pytest.fixture(params=["bookworm", "trixie", *UBUNTU])
def bare_box(request: pytest.FixtureRequest, package: Path, tmp_path: Path) -> Iterator[Machine]:
    bare = bare_tree(request.param)
    assert not list((bare / "usr/bin").glob("python3*")), "a bare box has no Python"
    with layer([bare], tmp_path / "box") as tree:
        install_alone(tree, package)
        box = Machine(tree)
        box.boot()
        yield box
        box.cut_the_power()
    shutil.rmtree(tmp_path / "box")


def test_a_bare_box_becomes_a_station_by_the_package_alone(bare_box: Machine) -> None:
    box = bare_box
    start(box)
    until(lambda: inspected(box) > 2, "the first verdicts")
    until(lambda: "READY" in box.status("line1"), "the station to say that it is ready")
    assert box.run(PYTHON, "-c", "import sys; print(sys.version_info[:2])").strip() == "(3, 11)"
    driver = box.run(PYTHON, "-c", "import onnx, pycuda.driver", check=False)
    assert "ImportError: libcuda.so.1: cannot open shared object file" in driver, (
        "all that pycuda lacks is NVIDIA's driver"
    )
    converters = "onnxruntime.quantization, onnxruntime.transformers.float16"
    box.run(PYTHON, "-c", f"import {OF_A_STATION}, {converters}")


def needed_versions(library: Path) -> set[tuple[str, tuple[int, ...]]]:
    said = subprocess.run(
        ["readelf", "--wide", "--version-info", library], capture_output=True, text=True
    )
    found = re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)\b", said.stdout)
    return {(name, tuple(map(int, number.split(".")))) for name, number in found}


def too_new(environment: Path) -> list[str]:
    """Which libraries and programs want newer libraries than those of Ubuntu 22.04."""
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    objects = [path for path in files if ".so" in path.name or path.parent.name == "bin"]
    assert len(objects) > 100
    return [
        f"{path.name}: {name}_{'.'.join(map(str, version))}"
        for path in objects
        for name, version in sorted(needed_versions(path))
        if version > OLDEST[name]
    ]


def test_nothing_in_the_package_wants_newer_libraries_than_its_oldest_box(
    package: Path, tmp_path: Path
) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    assert too_new(tmp_path / "usr/lib/qc-edge/environment") == []


@pytest.mark.long
def test_the_package_for_arm64_installs_and_runs_under_emulation(tmp_path: Path) -> None:
    """On a Debian 12: no packages of Ubuntu for arm64 can be had where this was written. What a
    JetPack's Ubuntu 22.04 has older is the C library, which the versions of symbols tell. No
    inference: the wheel of ONNX Runtime ends qemu 7.2 with a segmentation fault, in any Python.
    """
    if not _ARM_EMULATOR.exists():
        pytest.skip("needs qemu-user-static and binfmt-support: apt install them")
    bare = bare_tree("bookworm", "arm64")
    subprocess.run(
        [REPOSITORY / "systemd/deb/build.sh", sys.executable, tmp_path],
        check=True,
        env=os.environ | {"ARCH": "arm64", "COMPRESSION": "gzip -z1"},
    )
    (package,) = tmp_path.glob("*_arm64.deb")
    with layer([bare], tmp_path / "box") as tree:
        install_alone(tree, package)
        assert too_new(tree / "usr/lib/qc-edge/environment") == []
        assert run_in(tree, "uname", "-m").strip() == "aarch64"
        run_in(tree, PYTHON, "-c", f"import {OF_A_STATION}")
        run_in(tree, "qc-edge", "init", "line1", "--camera", "emulated")
        assert (tree / "etc/qc-edge/line1.toml").exists()
