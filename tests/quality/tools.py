"""The checkout as the rules see it: its linters, and its source files as syntax trees."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "qc_edge"


def run_tool(*command: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """`command` from this interpreter's environment; output captured, errors in with it."""
    tool = Path(sys.executable).parent / command[0]
    assert tool.exists(), f"{tool} is missing: run `make test`, or `pip install -e '.[dev]'`"
    return subprocess.run(
        [str(tool), *command[1:]],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
    )


def assert_clean(*command: str) -> None:
    """Fail with the tool's own words and the command to run by hand."""
    ran = run_tool(*command)
    assert ran.returncode == 0, f"{ran.stdout}\nrun: {' '.join(command)}"


def python_files(*folders: str) -> list[Path]:
    """All Python files in these folders of the checkout, by name."""
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def relative(path: Path) -> str:
    """The path as a person at the checkout would type it."""
    return str(path.relative_to(REPOSITORY))


def sources(*folders: str) -> list[tuple[str, ast.Module]]:
    """Every Python file in these folders: its path from the checkout, and its syntax tree."""
    return [(relative(path), _parsed(path)) for path in python_files(*folders)]


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def listing(what: str, offenders: Iterable[str]) -> str:
    """The message of a rule that is broken: what it wants, then every offender on its own line."""
    return "\n  ".join([what, *offenders])
