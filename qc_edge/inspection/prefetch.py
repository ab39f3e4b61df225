"""Frames taken before their turn: read and prepared in threads while the engine works."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from qc_edge.domain.verdict import Reason
from qc_edge.errors import DiskFullError
from qc_edge.inspection.frames import PreparedFrame
from qc_edge.inspection.pending_changes import PendingChanges
from qc_edge.inspection.preparer import Preparer
from qc_edge.inspection.retirement import Retirement
from qc_edge.inspection.stores import InspectionStores
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.store.spooled_file import SpooledFile

_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Prefetched:
    """A file that was taken; `preparation` is None for a gap or an event, which need none."""

    file: SpooledFile
    preparation: Future[PreparedFrame] | None


class Prefetcher:
    """A window of files in order of arrival, each being prepared; used by the inspector's thread.

    Each frame gets the rules that are in force when it is taken. Nothing is taken while a change
    waits, so that the window runs empty for it. A suspect of a crash is taken only when nothing
    else is in hand (decision 0005).
    """

    def __init__(
        self,
        stores: InspectionStores,
        rulebook: RuleBook,
        retirement: Retirement,
        changes: PendingChanges,
        threads: int,
    ) -> None:
        self._arrivals = stores.arrivals
        self._crash_isolation = stores.crash_isolation
        self._rulebook = rulebook
        self._retirement = retirement
        self._changes = changes
        self._preparer = Preparer(stores.spool, stores.exposure_times)
        self._pool = ThreadPoolExecutor(threads, "prepare")
        self._window = self._threads = threads
        self._queue: deque[_Prefetched] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def fit(self, max_batch: int) -> None:
        """Size the window so that neither the threads nor an engine of this batch size waits."""
        # Two frames a thread, one in work and one ready, or a whole batch; and the one in hand.
        self._window = max(2 * self._threads, max_batch) + 1

    def fill(self, timeout_s: float) -> None:
        """Take what waits, up to the window; up to `timeout_s` is waited if nothing is in hand."""
        while len(self._queue) < self._window and not self._changes:
            if self._queue and self._crash_isolation.is_suspect(self._queue[0].file.frame_id):
                return  # it stays alone in hand until it has its row
            file = self._arrivals.take(0.0 if self._queue else timeout_s)
            if file is None:
                return
            if self._changes:  # one came while `take` waited
                self._arrivals.give_back([file])
                return
            if self._retirement.retire_if_recorded(file):
                continue
            if file.is_row:
                self._queue.append(_Prefetched(file, None))
            elif not self._crash_isolation.is_suspect(file.frame_id):
                self._queue.append(self._prepare(file))
            elif self._queue:
                self._arrivals.give_back([file])
                return
            else:
                self._take_alone(file)

    def next_row(self) -> SpooledFile | None:
        """The next file if it holds a row of capture's and no frame; it stays until `drop_next`."""
        return self._queue[0].file if self._queue and self._queue[0].preparation is None else None

    def drop_next(self) -> None:
        """Take the next file out of the window."""
        self._queue.popleft()

    def take_prepared(self, frames: list[PreparedFrame], most: int, may_wait: bool) -> bool:
        """Move the next frames that are prepared to `frames`, until it holds `most`.

        Only the first is waited for, and only if `may_wait`: a frame that is ready never waits for
        the one behind it. Returns True for a suspect of a crash, which comes alone.
        """
        while (
            self._queue
            and len(frames) < most
            and (preparation := self._queue[0].preparation) is not None
        ):
            is_suspect = self._crash_isolation.is_suspect(self._queue[0].file.frame_id)
            if (frames or not may_wait) and (is_suspect or not preparation.done()):
                break
            while wait([preparation], _POLL_S).not_done:
                pass  # no heartbeat: a decoder that hangs must show as a silent inspector
            self._queue.popleft()
            frames.append(preparation.result())
            if is_suspect:
                return True
            self.fill(0.0)
        return False

    def give_up(self) -> list[SpooledFile]:
        """Empty the window; returns its files."""
        files = [prefetched.file for prefetched in self._queue]
        self._queue.clear()
        return files

    def close(self) -> None:
        """End the threads; what they have not begun is not prepared."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, file: SpooledFile) -> _Prefetched:
        rules = self._rulebook.rules
        return _Prefetched(file, self._pool.submit(self._preparer.prepare, file, rules))

    def _take_alone(self, file: SpooledFile) -> None:
        try:
            may_be_tried = self._crash_isolation.begin(file.frame_id)
        except DiskFullError:
            self._arrivals.give_back([file])
            raise
        if may_be_tried:
            self._queue.append(self._prepare(file))
            return
        detail = (
            "the station died each time while this frame alone was in hand; it was not tried again"
        )
        refused = self._preparer.refuse(
            file, self._rulebook.rules, Reason.CRASHED_THE_STATION, detail
        )
        self._queue.append(_Prefetched(file, refused))
