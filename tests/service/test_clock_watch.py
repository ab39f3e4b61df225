"""A station that may not ask the kernel about the clock believes a fresh answer of the watch, no
other.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from qc_edge.service import synchronisation
from qc_edge.service.clockwatch import watch


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file between the watch and the station, for a station that may not ask the kernel."""
    monkeypatch.setattr(synchronisation, "CLOCK_STATE_FILE", tmp_path / "synchronised")
    monkeypatch.setattr(synchronisation, "kernel_is_synchronised", lambda: None)
    return tmp_path / "synchronised"


@pytest.mark.parametrize("answer", [True, False])
def test_what_the_watch_said_is_believed(said: Path, answer: bool) -> None:
    synchronisation.write_clock_state(said, answer)
    assert synchronisation.is_synchronised() is answer


@pytest.mark.parametrize(
    "content",
    ["", "1", "1 soon", f"1 {time.monotonic_ns() - 60_000_000_000}"],
    ids=["nothing", "no-time", "no-number", "old"],
)
def test_a_torn_or_old_answer_gives_no_trust(said: Path, content: str) -> None:
    said.write_text(content)
    assert not synchronisation.is_synchronised()


def test_without_a_watch_there_is_no_trust(said: Path) -> None:
    assert not synchronisation.is_synchronised()


def test_the_watch_says_what_the_kernel_says_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said, stop = tmp_path / "synchronised", threading.Event()
    watching = threading.Thread(target=watch, args=(said, stop))
    watching.start()
    try:
        deadline = time.monotonic() + 30
        while not said.exists() and time.monotonic() < deadline:
            stop.wait(0.01)
        assert said.read_text().split()[0] == str(
            int(bool(synchronisation.kernel_is_synchronised()))
        )
    finally:
        stop.set()
        watching.join()
    assert not said.exists()
