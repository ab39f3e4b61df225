"""systemd is asked for more time as long as a start comes on, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from qc_edge.service.notify import Notifier
from qc_edge.service.start_signs import StartSigns

EVERY_S = 0.01
WAIT_S = 10.0


class Sent(Notifier):
    """What would have been sent; `more` is set with each request for more time."""

    def __init__(self) -> None:
        super().__init__()
        self.more = threading.Event()

    def send(self, *assignments: str) -> None:
        """Take note."""
        if any(each.startswith("EXTEND_TIMEOUT_USEC=") for each in assignments):
            self.more.set()


def test_a_start_that_computes_or_reads_gets_more_time() -> None:
    for step in ((1.0, 0), (0.0, 1)):
        figures = [(step[0] * number, step[1] * number) for number in range(10_000)]
        sent = Sent()
        with StartSigns(sent, EVERY_S, iter(figures).__next__):
            assert sent.more.wait(WAIT_S)


def test_a_start_that_is_stuck_gets_none() -> None:
    looked = threading.Semaphore(0)

    def usage() -> Iterator[tuple[float, int]]:
        while True:
            looked.release()
            yield 1.0, 1

    sent = Sent()
    with StartSigns(sent, EVERY_S, usage().__next__):
        for _ in range(5):
            assert looked.acquire(timeout=WAIT_S)
    assert not sent.more.is_set()
