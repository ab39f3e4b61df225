"""What is next in turn, taken before its turn comes: read and prepared in threads while the engine
works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from qc_edge.domain.verdict import Reason
from qc_edge.errors import DiskFullError
from qc_edge.inspection.arrivals import Arrivals
from qc_edge.inspection.batch import Prefetched
from qc_edge.inspection.crash_isolation import CrashIsolation
from qc_edge.inspection.preparer import Candidate, Preparer
from qc_edge.recipe.rules import Rules
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile

_POLL_S = 1.0


class Prefetcher:
    """Used by the inspector's thread. A suspect of a crash is taken only when nothing else is in
    hand.

    `rules` gives those in force; `passed` is asked of each file and takes it away if it has its row
    already; while `paused`, nothing more is taken.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        spool: Spool,
        crash_isolation: CrashIsolation,
        threads: int,
        rules: Callable[[], Rules],
        passed: Callable[[SpooledFile], bool],
        paused: Callable[[], bool],
    ) -> None:
        self._arrivals = arrivals
        self._crash_isolation = crash_isolation
        self._rules = rules
        self._passed = passed
        self._paused = paused
        self._preparer = Preparer(spool)
        self._pool = ThreadPoolExecutor(threads, "prepare")
        self._window = self._threads = threads
        self._ahead: deque[Prefetched] = deque()

    def __bool__(self) -> bool:
        return bool(self._ahead)

    def fit(self, max_batch: int) -> None:
        """Look so far ahead that neither the threads nor an engine of this batch size waits."""
        self._window = max(2 * self._threads, max_batch) + 1

    def fill(self, timeout_s: float) -> None:
        """Take what waits, up to the window; up to `timeout_s` is waited if nothing is in hand."""
        while len(self._ahead) < self._window and not self._paused():
            if self._ahead and self._crash_isolation.is_suspect(self._ahead[0].waiting.frame_id):
                return
            waiting = self._arrivals.take(0.0 if self._ahead else timeout_s)
            if waiting is None:
                return
            if self._paused():
                self._arrivals.give_back([waiting])
                return
            if self._passed(waiting):
                continue
            if waiting.is_row:
                self._ahead.append(Prefetched(waiting, None))
            elif not self._crash_isolation.is_suspect(waiting.frame_id):
                self._ahead.append(self._prepare(waiting))
            elif self._ahead:
                self._arrivals.give_back([waiting])
                return
            else:
                self._take_alone(waiting)

    def row(self) -> SpooledFile | None:
        """The head, if it is a row of capture's and not a frame; it stays until `drop`."""
        return self._ahead[0].waiting if self._ahead and self._ahead[0].candidate is None else None

    def drop(self) -> None:
        """Take the head away."""
        self._ahead.popleft()

    def run(self, into: list[Candidate], most: int, may_wait: bool) -> bool:
        """Move prepared frames from the head to `into`, until it has `most`; only a first one is
        waited for.

        Returns True for a suspect, which comes alone.
        """
        while self._ahead and len(into) < most and (future := self._ahead[0].candidate) is not None:
            alone = self._crash_isolation.is_suspect(self._ahead[0].waiting.frame_id)
            if (into or not may_wait) and (alone or not future.done()):
                break
            while wait([future], _POLL_S).not_done:
                pass  # a decoder that hangs shows as a silent inspector
            self._ahead.popleft()
            into.append(future.result())
            if alone:
                return True
            self.fill(0.0)
        return False

    def give_up(self) -> list[SpooledFile]:
        """Forget all that was taken."""
        taken = [each.waiting for each in self._ahead]
        self._ahead.clear()
        return taken

    def close(self) -> None:
        """End the threads; what they have not begun is not prepared."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, waiting: SpooledFile) -> Prefetched:
        return Prefetched(
            waiting, self._pool.submit(self._preparer.prepare, waiting, self._rules())
        )

    def _take_alone(self, waiting: SpooledFile) -> None:
        try:
            may_be_tried = self._crash_isolation.begin(waiting.frame_id)
        except DiskFullError:
            self._arrivals.give_back([waiting])
            raise
        if may_be_tried:
            self._ahead.append(self._prepare(waiting))
            return
        words = (
            "the station died each time while this frame alone was in hand; it was not tried again"
        )
        refused = self._preparer.refuse(waiting, self._rules(), Reason.CRASHED_THE_STATION, words)
        self._ahead.append(Prefetched(waiting, refused))
