"""The bell that wakes the main thread: rung from anywhere, also from a signal handler."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from qc_edge.station.bell import Bell


def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(60)
    assert not bell.wait(0)


def test_a_ring_ends_a_wait() -> None:
    bell = Bell()
    threading.Timer(0.05, bell.ring).start()
    begun = time.monotonic()
    assert bell.wait(60)
    assert time.monotonic() - begun < 50


def test_a_wait_ends_by_itself_however_short_it_is() -> None:
    bell = Bell()
    assert not any(bell.wait(seconds) for seconds in (0, 1e-9, 1e-4, 0.01))


def test_a_signal_handler_may_ring_within_the_wait() -> None:
    bell = Bell()
    before = signal.signal(signal.SIGUSR1, lambda *_: bell.ring())
    try:
        main = threading.get_ident()
        threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1)).start()
        assert bell.wait(60)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("rung", [True, False])
def test_a_bell_that_is_gone_leaves_no_descriptor(*, rung: bool) -> None:
    bell = Bell()
    if rung:
        bell.ring()
    descriptor = bell._descriptor
    os.fstat(descriptor)
    del bell
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
