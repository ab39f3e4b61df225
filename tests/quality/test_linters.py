"""The linters say nothing: style, format, types, layers, dead code."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.quality.tools import PACKAGE, REPOSITORY, assert_clean, run_tool


def test_ruff_finds_nothing() -> None:
    assert_clean("ruff", "check", ".")


def test_the_code_is_formatted() -> None:
    assert_clean("ruff", "format", "--check", ".")


@pytest.mark.slow
def test_types_are_strict() -> None:
    # NumPy's last version for Python 3.10 declares its arrays less exactly, and with other gaps.
    old = ("--no-warn-unused-ignores", "--allow-any-generics") if sys.version_info < (3, 11) else ()
    assert_clean("mypy", *old, *_kept_types())


def _kept_types() -> tuple[str, ...]:
    """Before a merge the checkout is a new one: what mypy knows of the last is kept beside it."""
    if "QC_EDGE_CI" not in os.environ:
        return ()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return "--cache-dir", str(caches / "qc-edge-ci/mypy")


def test_no_code_is_dead() -> None:
    assert_clean("vulture")


def test_layers_and_drivers_stay_apart() -> None:
    assert_clean("lint-imports")


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("domain/planted.py", "from qc_edge.settings import Settings", "layers"),
        ("store/planted.py", "from qc_edge.camera import Camera", "layers"),
        ("audit/planted.py", "from qc_edge.inspection import statistics", "layers what"),
        ("errors.py", "import qc_edge.domain.frame", "layers"),
        ("planted.py", "ON_NO_LAYER = True", "layers"),
        ("inspection/planted.py", "import duckdb", "drivers"),
        ("query/planted.py", "import duckdb", "drivers"),
        ("domain/planted.py", "import onnxruntime", "drivers"),
    ],
)
def test_a_planted_import_breaks_its_contract(
    tmp_path: Path, module: str, line: str, contract: str
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "qc_edge", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    with (tmp_path / "qc_edge" / module).open("a") as planted:
        planted.write(f"\n{line}\n")
    said = run_tool("lint-imports", "--no-cache", cwd=tmp_path)
    assert said.returncode == 1
    broken = [text for text in said.stdout.splitlines() if " BROKEN" in text]
    assert [text.split()[0].rstrip(":") for text in broken] == contract.split(), said.stdout
