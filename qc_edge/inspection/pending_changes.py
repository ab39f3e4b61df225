"""Changes that must not fall into the middle of a frame: they wait until none is in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from qc_edge.errors import QcEdgeError


class PendingChanges:
    """A queue from any thread to the inspector's. True while something waits in it."""

    def __init__(self) -> None:
        # A deque needs no lock for append and popleft, and each future is set by one thread.
        self._changes: deque[tuple[Callable[[], None], Future[None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._changes)

    def submit(self, change: Callable[[], None]) -> Future[None]:
        """Have `change` made between two frames. A QcEdgeError that it raises is the future's."""
        done: Future[None] = Future()
        self._changes.append((change, done))
        return done

    def make(self) -> None:
        """Make the changes that wait, in their order; called while no frame is in hand."""
        while self._changes:
            change, done = self._changes.popleft()
            try:
                done.set_result(change())
            except QcEdgeError as fault:
                done.set_exception(fault)
