"""Upkeep steps back, also where the whole station already has."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from qc_edge.service import priority
from qc_edge.service.priority import lower_priority, take_short_turns


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work, name="upkeep")
    thread.start()
    thread.join()


@pytest.mark.parametrize("nice", [5, 0])
def test_a_thread_is_never_less_nice_than_before(nice: int) -> None:
    seen: list[int] = []

    def work() -> None:
        lower_priority(7)
        lower_priority(nice)
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    in_a_thread(work)
    assert seen[0] >= 7


def test_a_thread_and_those_it_starts_are_last_at_the_disk() -> None:
    seen: list[str] = []

    def look() -> None:
        thread = str(threading.get_native_id())
        seen.append(
            subprocess.run(
                ["ionice", "-p", thread], check=True, capture_output=True, text=True
            ).stdout
        )

    def work() -> None:
        lower_priority(7)
        look()
        in_a_thread(look)

    in_a_thread(look)
    in_a_thread(work)
    before, *after = [words.strip() for words in seen]
    assert before != "best-effort: prio 7"
    assert after == ["best-effort: prio 7"] * 2


def test_on_another_machine_the_log_says_that_the_disk_keeps_no_order_and_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(priority, "_IOPRIO_SET", {})
    done: list[bool] = []

    def work() -> None:
        lower_priority(7)
        done.append(True)

    in_a_thread(work)
    assert done == [True]
    assert "upkeep could not step back at the disk (Function not implemented)" in caplog.text


def test_no_thread_keeps_the_interpreter_for_long() -> None:
    before = sys.getswitchinterval()
    try:
        take_short_turns()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    finally:
        sys.setswitchinterval(before)
