"""What the parts of the benchmark share: sizes of frames and of the log, and a process for each
measure.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

SIZES = {"1.3 MP": (1280, 1024), "5 MP": (2448, 2048)}
LOG_ROWS = 10_000_000

_T = TypeVar("_T")


def alone(measure: Callable[..., _T], *args: object) -> _T:
    """The figures of `measure`, taken in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, *args).result()
