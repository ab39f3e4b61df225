"""What is shipped: metadata that agrees with itself, and generated files that are up to date."""

from __future__ import annotations

import configparser
import re

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
