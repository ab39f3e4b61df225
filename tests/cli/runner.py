"""Run `qc-edge` as a person does, in a process of its own or inside the test's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from typer.testing import CliRunner, Result

from qc_edge.cli import app
from tests import forked

REPOSITORY = Path(__file__).resolve().parents[2]


def invoke(*arguments: str | Path) -> Result:
    """The command inside this process; an error stays in `result.exception`."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def environment() -> dict[str, str]:
    """The environment of a child: this checkout, no colours, wide lines."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "COLUMNS": "200"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    ran = forked.run("qc_edge", arguments, environment())
    return subprocess.CompletedProcess(
        ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode()
    )
