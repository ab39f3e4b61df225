"""Frames taken before their turn: read and prepared in threads while the engine works."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from qc_edge.domain.verdict import Reason
from qc_edge.errors import DiskFullError, FileServerError
from qc_edge.inspection.frames import PreparedFrame
from qc_edge.inspection.pending_changes import PendingChanges
from qc_edge.inspection.preparer import Preparer
from qc_edge.inspection.retirement import Retirement
from qc_edge.inspection.scoring.other_engines import OtherEngines
from qc_edge.inspection.stores import InspectionStores
from qc_edge.inspection.timeliness import Timeliness
from qc_edge.intake.lanes import Lane, Turns
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.store.spooled_file import SpooledFile

_POLL_S = 1.0
_WAITING_WINDOWS = 3  # of frames that wait for another engine, beside those that are next


@dataclass(frozen=True, slots=True)
class _Prefetched:
    """A file that was taken; `preparation` is None for a gap or an event, which need none."""

    file: SpooledFile
    preparation: Future[PreparedFrame] | None


class Prefetcher:
    """A window of files of each lane, each being prepared; used by the inspector's thread.

    Each frame gets the rules that are in force when it is taken. Nothing is taken while a change
    waits, so that the window runs empty for it. A suspect of a crash is taken only when nothing
    else is in hand (decision 0005). A live part overtakes the frames of the backlog that are not
    at the model yet (decision 0024).
    """

    def __init__(
        self,
        stores: InspectionStores,
        rulebook: RuleBook,
        retirement: Retirement,
        changes: PendingChanges,
        timeliness: Timeliness,
        other_engines: OtherEngines,
        threads: int,
    ) -> None:
        self._arrivals = stores.arrivals
        self._crash_isolation = stores.crash_isolation
        self._taken_frames = stores.taken_frames
        self._rulebook = rulebook
        self._retirement = retirement
        self._changes = changes
        self._timeliness = timeliness
        self._other_engines = other_engines
        self._preparer = Preparer(stores.spool, stores.exposure_times)
        self._pool = ThreadPoolExecutor(threads, "prepare")
        self._window = self._threads = threads
        self._queues: dict[Lane, deque[_Prefetched]] = {lane: deque() for lane in Lane}
        self._turns = Turns()

    def __bool__(self) -> bool:
        return any(self._queues.values()) or bool(self._other_engines)

    def fit(self, max_batch: int) -> None:
        """Size the window so that neither the threads nor an engine of this batch size waits."""
        # Two frames a thread, one in work and one ready, or a whole batch; and the one in hand.
        self._window = max(2 * self._threads, max_batch) + 1

    def fill(self, timeout_s: float) -> None:
        """Take what waits, up to the window; up to `timeout_s` is waited if nothing is in hand."""
        self._set_back_what_waits()
        while not self._changes:
            backlog = self._queues[Lane.BACKLOG]
            if backlog and self._crash_isolation.is_suspect(backlog[0].file.frame_id):
                return  # it stays alone in hand until it has its row
            lanes = self._lanes_with_room()
            file = self._arrivals.take(lanes, 0.0 if self else timeout_s) if lanes else None
            if file is None:
                return
            if self._changes:  # one came while `take` waited
                self._arrivals.give_back([file])
                return
            if not self._retirement.retire_if_recorded(file) and not self._set_back_if_late(file):
                self._add(file)

    def next_lane(self) -> Lane | None:
        """The lane whose next file goes on now; None if nothing is in hand."""
        live, backlog = (self._in_turn(lane) > 0 for lane in (Lane.LIVE, Lane.BACKLOG))
        return self._turns.next(live=live, backlog=backlog)

    def has(self, lane: Lane) -> bool:
        """True if a file of that lane is in hand."""
        return bool(self._queues[lane])

    def served(self, lane: Lane, frames: int) -> None:
        """So many frames of the lane were scored: the other lane's turn comes nearer."""
        self._turns.served(lane, frames)

    def next_row(self, lane: Lane) -> SpooledFile | None:
        """The next file if it holds a row of capture's and no frame; it stays until `drop_next`."""
        queue = self._queues[lane]
        return queue[0].file if queue and queue[0].preparation is None else None

    def drop_next(self, lane: Lane) -> None:
        """Take the next file of the lane out of the window."""
        self._queues[lane].popleft()

    def take_prepared(
        self, lane: Lane, frames: list[PreparedFrame], most: int, *, may_wait: bool
    ) -> bool:
        """Move the next frames of the lane that are prepared to `frames`, until it holds `most`: of
        one bundle, and such as wait for no other engine.

        Only the first is waited for, and only if `may_wait`: a frame that is ready never waits for
        the one behind it. Returns True for a suspect of a crash, which comes alone. Raises
        FileServerError; then the frame that could not be read stays the next.
        """
        queue, passed = self._queues[lane], 0
        while len(queue) > passed and len(frames) < most:
            if (preparation := queue[passed].preparation) is None:
                break
            is_suspect = self._crash_isolation.is_suspect(queue[passed].file.frame_id)
            if (frames or passed or not may_wait) and (is_suspect or not preparation.done()):
                break
            if frames and lane is Lane.BACKLOG and self._queues[Lane.LIVE]:
                break  # the live part waits for what is taken already, and for no more
            while wait([preparation], _POLL_S).not_done:
                pass  # no heartbeat: a decoder that hangs must show as a silent inspector
            prepared = preparation.result()
            if self._other_engines.is_busy(prepared.view.engine_thread):
                passed += 1
                continue
            if frames and frames[0].view.engine_thread is not prepared.view.engine_thread:
                break
            frames.append(prepared)
            del queue[passed]
            if is_suspect:
                return True
            self.fill(0.0)
        return False

    def give_up(self) -> list[SpooledFile]:
        """Empty the window; returns its files, lane after lane."""
        files = [prefetched.file for lane in Lane for prefetched in self._queues[lane]]
        for queue in self._queues.values():
            queue.clear()
        return files

    def close(self) -> None:
        """End the threads; what they have not begun is not prepared."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._taken_frames.close()

    def _lanes_with_room(self) -> list[Lane]:
        """The lanes from which the next file may be taken, the first choice first."""
        waiting = self._arrivals.next_of_backlog()
        is_suspect = waiting is not None and self._crash_isolation.is_suspect(waiting.frame_id)
        live, backlog = self._in_turn(Lane.LIVE), len(self._queues[Lane.BACKLOG])
        if is_suspect and self._turns.is_backlog_due:
            return [] if self else [Lane.BACKLOG]  # the window runs empty for it
        lanes = [Lane.LIVE] if live < self._window else []
        # One frame of the backlog is always in hand, so that its turn finds it prepared.
        has_room = not backlog or live + backlog < self._window
        if has_room and not (is_suspect and self):
            lanes.append(Lane.BACKLOG)
        return lanes

    def _in_turn(self, lane: Lane) -> int:
        """How many files of the lane wait for no other engine; those take no place from them."""
        return len(self._queues[lane]) - len(self._waiting(lane))

    def _waiting(self, lane: Lane) -> list[_Prefetched]:
        """Those of the lane that are prepared and whose engine is busy, in their order."""
        queue, hold_up = self._queues[lane], self._other_engines.hold_up
        return [each for each in queue if each.preparation and hold_up(each.preparation)]

    def _set_back_what_waits(self) -> None:
        """Live parts whose engine is busy go behind the backlog when their deadline has passed, and
        when too many wait: a slow view never fills the memory.
        """
        for place, waiting in enumerate(self._waiting(Lane.LIVE)):
            if not self._set_back_if_late(waiting.file):
                if place < _WAITING_WINDOWS * self._window:
                    continue
                self._arrivals.set_back(waiting.file)
            self._queues[Lane.LIVE].remove(waiting)

    def _set_back_if_late(self, file: SpooledFile) -> bool:
        """True for a live part whose deadline has passed: it is not even prepared now."""
        if file.is_row or self._arrivals.lane_of(file) is Lane.BACKLOG:
            return False
        settings = self._rulebook.rules.settings
        if file.original_name is not None and settings.incoming.age == "none":
            return False  # a lot that waits for nobody has no deadline
        waited_ms = (time.monotonic_ns() - file.arrived_ns) / 1e6
        if waited_ms <= settings.station.deadline_ms:
            return False
        self._arrivals.set_back(file)
        self._timeliness.add(in_time=False)
        return True

    def _add(self, file: SpooledFile) -> None:
        """Put a file that was taken into the window, its preparation begun."""
        lane = self._arrivals.lane_of(file)
        if file.is_row:
            self._queues[lane].append(_Prefetched(file, None))
        elif self._crash_isolation.is_suspect(file.frame_id):
            self._add_alone(file)
        else:
            if lane is Lane.LIVE:
                self._clear_the_way()
            self._queues[lane].append(self._prepare(file))

    def _clear_the_way(self) -> None:
        """Give back what waits for a thread behind the backlog's next frame: a live part is next
        for the threads, too.
        """
        backlog = self._queues[Lane.BACKLOG]
        while len(backlog) > 1 and (last := backlog[-1].preparation) is not None and last.cancel():
            self._arrivals.give_back([backlog.pop().file])

    def _prepare(self, file: SpooledFile) -> _Prefetched:
        rules = self._rulebook.rules
        self._taken_frames.note(file.frame_id)
        return _Prefetched(file, self._pool.submit(self._preparer.prepare, file, rules))

    def _add_alone(self, file: SpooledFile) -> None:
        """Put a suspect of a crash into the empty window, or its refusal after its last try."""
        queue = self._queues[self._arrivals.lane_of(file)]
        detail = (
            "the station died each time while this frame alone was in hand; it was not tried again"
        )
        try:
            if self._crash_isolation.begin(file.frame_id):
                queue.append(self._prepare(file))
                return
            refused = self._preparer.refuse(
                file, self._rulebook.rules, Reason.CRASHED_THE_STATION, detail
            )
        except (DiskFullError, FileServerError):
            self._arrivals.give_back([file])
            raise
        queue.append(_Prefetched(file, refused))
