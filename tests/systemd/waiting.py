"""Waiting for something that another process does, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE = threading.Event()


def until(condition: Callable[[], T], what: str, seconds: float = 60.0, every: float = 0.25) -> T:
    """The first true answer of `condition`, asked `every` so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        _PAUSE.wait(every)
    return answer
