"""What is shipped: metadata that agrees with itself, and generated files that are up to date."""

from __future__ import annotations

import configparser
import importlib
import pkgutil
import re

import pytest
from packaging.requirements import Requirement

import qc_edge
from qc_edge.settings import toml
from qc_edge.settings.schema import SCHEMA_FILE, station_schema
from qc_edge.version import __version__
from tests.quality.tools import REPOSITORY, relative


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return parser


def test_the_classifiers_name_every_python_that_is_supported() -> None:
    setup = setup_cfg()
    low, high = re.findall(r"3\.(\d+)", setup["options"]["python_requires"])
    supported = [f"3.{minor}" for minor in range(int(low), int(high))]
    named = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert named == supported, "setup.cfg: classifiers and python_requires disagree"


def test_the_tools_aim_at_the_oldest_python() -> None:
    tools = toml.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    oldest = re.findall(r"3\.\d+", setup_cfg()["options"]["python_requires"])[0]
    assert tools["mypy"]["python_version"] == oldest
    assert tools["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_the_version_is_one_that_pip_understands() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", __version__)


def test_the_json_schema_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == station_schema(), (
        f"{relative(SCHEMA_FILE)} is older than the settings; run: python -m "
        "qc_edge.settings.schema"
    )


def test_every_data_file_of_the_package_is_shipped() -> None:
    patterns = setup_cfg()["options.package_data"]["qc_edge"].split()
    package = REPOSITORY / "qc_edge"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    data = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert data <= shipped, (
        f"setup.cfg, options.package_data: {sorted(map(relative, data - shipped))}"
    )


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in (REPOSITORY / "qc_edge").rglob("*.py")}
    bare = [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]
    assert not bare, (
        f"setuptools leaves these out of the wheel, add an __init__.py: {', '.join(bare)}"
    )


def test_the_changes_begin_with_what_is_unreleased() -> None:
    headings = re.findall(r"(?m)^## (.+)$", (REPOSITORY / "CHANGES.md").read_text(encoding="utf-8"))
    assert headings[0] == "Unreleased" or headings[0].startswith(__version__)


OPTIONAL = {"pycuda"}
"""Imported at the top of a module that is itself imported only where it is wanted."""


def test_every_module_can_be_imported() -> None:
    """`make test-oldest` asks this of the oldest dependencies that setup.cfg allows."""
    for module in pkgutil.walk_packages(qc_edge.__path__, "qc_edge."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as fault:
                assert fault.name in OPTIONAL, f"{module.name}: {fault}"


LOCKS = REPOSITORY / "systemd/requirements"


def locked(name: str) -> dict[str, str]:
    """The requirements of a lock as `name==version ; marker`, each with its hashes."""
    text = (LOCKS / name).read_text(encoding="utf-8").replace("\\\n", "")
    entries = [re.split(r"\s+(?=--hash=)", line, maxsplit=1) for line in text.splitlines()]
    return {entry[0]: entry[1] for entry in entries if not entry[0].lstrip().startswith("#")}


@pytest.mark.parametrize("name", ["build.txt", "station.txt", "tests.txt"])
def test_a_lock_has_exact_versions_with_hashes_and_says_nothing_of_where_they_came_from(
    name: str,
) -> None:
    for requirement, hashes in locked(name).items():
        assert re.match(r"[a-z0-9-]+==[^ *]+( ; |$)", requirement)
        assert re.fullmatch(r"(--hash=sha256:[0-9a-f]{64}\s*)+", hashes)
    assert not re.search(
        r"://|--[a-z-]*(index|link|host)", (LOCKS / name).read_text(encoding="utf-8")
    )


def test_a_station_gets_versions_that_the_tests_run_on() -> None:
    versions = {requirement.split(" ;")[0] for requirement in locked("tests.txt")}
    assert {requirement.split(" ;")[0] for requirement in locked("station.txt")} <= versions


def test_what_a_station_gets_does_not_depend_on_the_machine_that_packages_it() -> None:
    assert not [each for each in locked("station.txt") if "platform_machine" in each]


def test_the_locks_hold_what_setup_cfg_asks_for() -> None:
    """`make lock` after a dependency was added or a bound was changed."""
    setup, extras = setup_cfg()["options"], setup_cfg()["options.extras_require"]
    on_station = extras["basler"] + extras["modbus"] + extras["page"] + extras["upstream"]
    on_station += extras["mqtt"] + extras["opcua"] + extras["sftp"] + extras["ethernetip"]
    asked = {
        "station.txt": setup["install_requires"] + on_station,
        "tests.txt": setup["install_requires"] + extras["basler"] + extras["dev"],
    }
    for name, requirements in asked.items():
        versions = [each.split(" ;")[0].split("==") for each in locked(name)]
        for wanted in map(Requirement, filter(str.strip, requirements.splitlines())):
            found = [version for each, version in versions if each == wanted.name.lower()]
            fits = [version for version in found if version in wanted.specifier]
            assert found and fits == found, f"{name}: {wanted}, has {found}: make lock"
