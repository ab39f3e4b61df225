"""Before a merge nothing is left out in silence: a test that would be skipped fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import MAY_BE_SKIPPED
from tests.quality.tools import REPOSITORY

TESTS = f"""
import pytest

@pytest.fixture
def tool():
    pytest.skip("the tool is missing")

def test_with_a_tool(tool):
    pass

@pytest.mark.skipif(True, reason="the library is missing")
def test_with_a_library():
    pass

def test_that_may():
    pytest.skip({MAY_BE_SKIPPED[0]!r})

@pytest.mark.xfail
def test_known():
    raise AssertionError
"""


def summary(directory: Path, **extra: str) -> str:
    """The last line of a run of these tests, and of a module that is skipped as a whole."""
    (directory / "test_some.py").write_text(TESTS)
    (directory / "test_other.py").write_text(
        "import pytest\npytest.importorskip('no_such_module')\n"
    )
    environment = {
        name: value for name, value in os.environ.items() if name != "QC_EDGE_CI"
    } | extra
    options = [
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "-q",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={directory}", str(directory)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
    )
    return ran.stdout.splitlines()[-1].partition(" in ")[0]


def test_what_is_missing_is_a_failure_before_a_merge(tmp_path: Path) -> None:
    assert summary(tmp_path, QC_EDGE_CI="1") == "1 skipped, 1 xfailed, 3 errors"


def test_what_is_missing_elsewhere_is_skipped(tmp_path: Path) -> None:
    assert summary(tmp_path) == "4 skipped, 1 xfailed"
