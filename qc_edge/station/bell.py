"""A bell that a signal handler may ring while the thread that waits for it holds any lock."""

from __future__ import annotations

import contextlib
import os
import select
import weakref


class Bell:
    """Rung from any thread or signal handler; one thread waits for it. Rings do not add up.

    A descriptor of the kernel and no lock: with a threading.Event, a handler that runs within
    `wait` could deadlock. A queue.SimpleQueue would do but for Python 3.10, whose
    `get(timeout=...)` waits for ever where its time ran out between two tries (seen on a busy
    machine: the lock is asked for with a negative time, which means without end).
    """

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self._descriptor)

    def ring(self) -> None:
        """End the wait that is on, or else the next one."""
        os.eventfd_write(self._descriptor, 1)

    def wait(self, seconds: float) -> bool:
        """True as soon as it rings, False after `seconds` without."""
        poll = select.poll()  # select.select ends at descriptor 1,023
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        with contextlib.suppress(BlockingIOError):  # another wait was quicker
            os.eventfd_read(self._descriptor)
        return True
