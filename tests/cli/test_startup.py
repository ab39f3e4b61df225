"""How long a person waits for the command line itself."""

from __future__ import annotations

import time

import pytest

from tests.cli.runner import run


@pytest.mark.serial
def test_help_is_there_at_once() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        assert run("--help").returncode == 0
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 1.0
