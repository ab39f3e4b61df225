"""How long a person waits for the command line itself."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from tests.cli.runner import environment


def test_help_is_there_at_once() -> None:
    """In CPU time: by the clock it also takes as long as whatever else the machine does."""

    def cpu_s() -> float:
        command = [sys.executable, "-m", "qc_edge", "--help"]
        before = os.times()
        subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        user = after.children_user - before.children_user
        return user + after.children_system - before.children_system

    assert statistics.median(cpu_s() for _ in range(3)) < 0.6
