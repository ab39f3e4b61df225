"""Upkeep steps back, also where the whole station already has."""

from __future__ import annotations

import os
import threading

import pytest

from qc_edge.line.worker import be_nice


@pytest.mark.parametrize("nice", [5, 0])
def test_a_thread_is_never_less_nice_than_before(nice: int) -> None:
    seen: list[int] = []

    def work() -> None:
        be_nice(7)
        be_nice(nice)
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen[0] >= 7
