"""The inspector: takes what waits, live parts first, and brings each frame to exactly one row.

Read from `run` to `_finish` it is a frame's way. The order at its end is the guarantee: evidence
durable, then the row in the journal, then the announcement, then the frame leaves the spool. A
crash between any two of them replays from the spool to the same one row. The database, which is for
asking questions, has the row last: no part waits for it (decision 0002).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from qc_edge.domain.events import EventLog
from qc_edge.domain.inspection import Gap
from qc_edge.engine import Engine
from qc_edge.errors import DiskFullError, FileServerError
from qc_edge.inspection.announcer import Announcer
from qc_edge.inspection.batch import Batch
from qc_edge.inspection.hold import Hold
from qc_edge.inspection.parts.telling import PartTelling
from qc_edge.inspection.pending_changes import PendingChanges
from qc_edge.inspection.prefetch import Prefetcher
from qc_edge.inspection.retirement import Retirement
from qc_edge.inspection.scoring.collector import Collector
from qc_edge.inspection.scoring.other_engines import OtherEngines
from qc_edge.inspection.scoring.pace import ms_since
from qc_edge.inspection.stores import InspectionStores, Judging
from qc_edge.intake.lanes import Lane
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.store.disk_space import DiskSpace

_TAKE_S = 0.25
"""One wait for a frame: so long a stop or a change may wait while nothing comes."""

_CLOSE_S = 1.0
_ANSWER_S = 0.002
"""One wait for another engine while nothing else can be done: so long a frame that comes may wait.
"""
_PAUSE_S = 20.0
"""Without a frame for so long the line pauses, and the log may join its pieces (up to 0.9 s)."""


class Inspector:
    """Inspects frames; `run` is the inspector worker, `between` may be called by any thread.

    The work is done on the engine's own thread: CUDA's context belongs to the thread that made it,
    and handing each frame over to it would cost every part the switch. A change of the model, which
    comes between two frames, brings the work to the thread of the new engine. Only frames of views
    with another bundle are handed over, and nobody waits for them.
    """

    def __init__(
        self,
        stores: InspectionStores,
        judging: Judging,
        announcer: Announcer,
        events: EventLog,
        prepare_threads: int,
    ) -> None:
        self.announcer = announcer
        self._arrivals, self._spool, self._ledger = stores.arrivals, stores.spool, stores.ledger
        self._disk_monitor = stores.disk_monitor
        self._rulebook, self._rows = judging.rulebook, judging.rows
        self._repeats, self._parts = judging.repeats, judging.parts
        self._scorer, self._evidence = judging.scorer, judging.evidence
        self._events = events
        self._retirement = Retirement(stores, judging.parts, events)
        self._changes = PendingChanges()
        self._other_engines = OtherEngines()
        self._prefetcher = Prefetcher(
            stores,
            judging.rulebook,
            self._retirement,
            self._changes,
            announcer.statistics.timeliness,
            self._other_engines,
            prepare_threads,
        )
        self._collector = Collector(
            stores,
            judging,
            self._prefetcher,
            self._retirement,
            self._other_engines,
            announcer.statistics.timeliness,
            events,
        )
        self._telling = PartTelling(self._parts, self._ledger, announcer, self._backlog_is_over)
        self._hold = Hold(stores, judging, self._prefetcher, self._retirement)
        self._finished_at = time.monotonic()

    def between(self, change: Callable[[], None]) -> Future[None]:
        """Have `change`, which may bring another engine, made when no frame is in hand.

        A QcEdgeError that it raises is the future's.
        """
        return self._changes.submit(change)

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Inspect until `stop`; the batch in hand is finished, the rest stays in the spool.

        All engines are closed at the end.
        """
        try:
            while not stop.is_set():
                engine_thread = self._rulebook.rules.engine_thread
                self._collector.engine_thread = engine_thread
                engine_thread.run(partial(self._run_on_engine, heartbeat, stop)).result()
                self._changes.make()
            self._telling.tell_all()
        finally:
            self._prefetcher.close()
            self._evidence.close()
            self._rulebook.close(_CLOSE_S)

    def _run_on_engine(self, heartbeat: Heartbeat, stop: threading.Event, engine: Engine) -> None:
        """Inspect with `engine` until `stop`, or until a change waits and no frame is in hand."""
        self._scorer.use(engine)
        self._prefetcher.fit(self._scorer.max_batch)
        while not stop.is_set() and (self._prefetcher or not self._changes):
            heartbeat.beat()
            if self._disk_monitor.space is DiskSpace.NONE or not self._hold.resume():
                stop.wait(_TAKE_S)
                continue
            self._retirement.retry()
            self._inspect(heartbeat)
        if stop.is_set() and self._other_engines:
            self._other_engines.wait(_CLOSE_S)
            self._inspect(heartbeat, is_last=True)

    def _inspect(self, heartbeat: Heartbeat, *, is_last: bool = False) -> None:
        """Bring the next frames to their rows, or hold all that is in hand until there is room, or
        the spool's file server answers. The last time none is begun any more.
        """
        batch = Batch()
        try:
            while (handed := self._other_engines.take_back()) is not None:
                batch = Batch.taken_back(handed)
                self._collector.take_scores(batch, handed.scores.result())
                self._finish(batch, heartbeat)
            if is_last:
                return
            self._prefetcher.fill(self._parts.wait_s(_TAKE_S))
            if (lane := self._prefetcher.next_lane()) is not None:
                batch = Batch(lane)
                self._collector.collect(batch, heartbeat)
            if batch.size:
                self._finish(batch, heartbeat)
            elif self._other_engines:
                self._other_engines.wait(_ANSWER_S)
            self._telling.tell_due()
        except (DiskFullError, FileServerError) as fault:
            self._hold.begin(batch, fault)
        else:
            self._checkpoint_if_idle()

    def _finish(self, batch: Batch, heartbeat: Heartbeat) -> None:
        """Evidence, rows, announcements, retirement: in this order and no other."""
        begun = self._finished_at = time.monotonic()
        # 1. Evidence, and the names of claimed files: no row points at what a power cut may undo.
        self._evidence.finish(heartbeat)
        if any(scored.prepared.file.original_name is not None for scored in batch.scored):
            self._spool.sync()
        # 2. Rows: one durable append for the batch. From here on a crash repeats no frame.
        now = utc_now()
        for scored in batch.scored:
            self._repeats.check(scored, now)
        inspections = [self._rows.build(scored, now) for scored in batch.scored]
        judged = list(zip(batch.scored, inspections, strict=True))
        parts = self._parts.close(judged, now, backlog_is_over=self._backlog_is_over())
        rows = [row for _, row in batch.rows]
        self._ledger.append([*rows, *inspections, *(part.row for part in parts)], now)
        self._repeats.commit()
        self._parts.commit()
        # 3. Announcements: what is told of a part is on record before.
        for row in rows:
            if isinstance(row, Gap):
                self.announcer.count_gap(row, now)
        for scored, inspection in judged:
            self.announcer.announce(scored, inspection, batch.lane)
        for part in parts:
            self.announcer.announce_part(part)
        if batch.lane is Lane.LIVE and batch.scored:
            self._collector.pace(batch).told(batch.took_ms)
        # 4. Retirement: a file that is still in the spool after a crash and has its row is reported
        # as perhaps not announced; one that had left before could not be.
        for scored in batch.scored:
            self._retirement.set_misfit_aside(scored.prepared)
        for file in batch.files():
            self._retirement.retire(file)
        # Before the database: if that finds no room, the batch is finished all the same and must
        # not be taken up again.
        batch.clear()
        self._ledger.apply()
        self._collector.pace(batch).finished(ms_since(begun))

    def _backlog_is_over(self) -> bool:
        waits = self._prefetcher.has(Lane.BACKLOG) or self._arrivals.next_of_backlog()
        return not (waits or self._other_engines)

    def _checkpoint_if_idle(self) -> None:
        """When nothing waits, let the log do what would otherwise hold up a frame."""
        if self._prefetcher or self._arrivals.depth:
            return
        try:
            self._ledger.checkpoint(paused=time.monotonic() - self._finished_at > _PAUSE_S)
        except DiskFullError as fault:
            self._hold.report(fault)
