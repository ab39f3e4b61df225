"""The box of the container tests: the Debian package, installed on a bare Debian without a
network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quality.tools import REPOSITORY
from tests.systemd.machine import Machine, base_tree, layer, run_in, tools_missing
from tests.systemd.sharing import made_once


@pytest.fixture(scope="session")
def bare() -> Path:
    """A Debian without our software; never changed."""
    if missing := tools_missing():
        pytest.skip(f"needs {', '.join(missing)}: run .ci/run as root")
    return base_tree()


@pytest.fixture(scope="session")
def package(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The .deb of this checkout."""
    made = os.environ.get("QC_EDGE_DEB")
    if made:
        yield Path(made)
        return

    def build(dist: Path) -> None:
        script = REPOSITORY / "systemd/deb/build.sh"
        # quickly packed; the level changes nothing else
        environment = os.environ | {"COMPRESSION": "gzip -z1"}
        command = [str(script), sys.executable, str(dist)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)

    with made_once(tmp_path_factory, "dist", build) as dist:
        (deb,) = dist.glob("*.deb")
        yield deb


@pytest.fixture(scope="session")
def installed(
    bare: Path, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Path]]:
    """The layers of a box on which the package has been installed, the uppermost first."""

    def install(directory: Path) -> None:
        with layer([bare], directory) as tree:
            name = f"/{package.name}"
            run_in(tree, "dpkg", "--force-unsafe-io", "--install", name, bind=[f"{package}:{name}"])

    with made_once(tmp_path_factory, "installed", install) as directory:
        yield [directory / "changes", bare]


def _machine(layers: list[Path], directory: Path) -> Iterator[Machine]:
    with layer(layers, directory) as tree:
        box = Machine(tree)
        box.boot()
        try:
            yield box
        finally:
            box.cut_the_power()
    shutil.rmtree(directory)


@pytest.fixture
def machine(installed: list[Path], tmp_path: Path) -> Iterator[Machine]:
    """A box of its own for one test, running, without a station."""
    yield from _machine(installed, tmp_path / "box")


@pytest.fixture(scope="module")
def shared_machine(
    installed: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """One running box for the tests of a module."""
    yield from _machine(installed, tmp_path_factory.mktemp("box"))
