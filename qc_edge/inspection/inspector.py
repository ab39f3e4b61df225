"""The inspector: takes what waits, oldest first, and brings each frame to exactly one row.

The order is the guarantee: evidence durable, then the row in the journal, then the announcement,
then the frame leaves the spool. A crash between any two of them replays from the spool. The
database, which is a way to ask, has the row last: no part waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Gap, Inspection
from qc_edge.engine import Engine
from qc_edge.errors import DiskFullError, QcEdgeError
from qc_edge.inspection import inspection_row
from qc_edge.inspection.announcer import Announcer
from qc_edge.inspection.arrivals import Arrivals
from qc_edge.inspection.batch import Batch
from qc_edge.inspection.crash_isolation import CrashIsolation
from qc_edge.inspection.inspection_row import ScoredFrame
from qc_edge.inspection.prefetch import Prefetcher
from qc_edge.inspection.scoring import FrameScorer
from qc_edge.inspection.shadow import Offer
from qc_edge.inspection.tally import Tally
from qc_edge.output import Output
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.ledger import Ledger
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.vision import UnreadableFrameError

_TAKE_S = 0.25
_POLL_S = 1.0
_PAUSE_S = 20.0
"""Without a frame for so long, the line pauses."""


class Inspector:
    """The inspector's work. The rules in force may change at any time; each frame keeps its own.

    It is done on the thread of the engine, so that no frame pays for a hand-over; rules with
    another engine, which come `between` two frames, bring the work to where that one sits.
    """

    def __init__(
        self,
        rulebook: RuleBook,
        arrivals: Arrivals,
        spool: Spool,
        ledger: Ledger,
        judge: FrameScorer,
        crash_isolation: CrashIsolation,
        outputs: Sequence[Output],
        disk_monitor: DiskMonitor,
        events: EventLog,
        tally: Tally,
        boot: str,
        threads: int,
        simulated: frozenset[str],
        offer: Offer,
    ) -> None:
        self._rulebook = rulebook
        self._arrivals = arrivals
        self._spool = spool
        self._ledger = ledger
        self._judge = judge
        self._crash_isolation = crash_isolation
        self._announcer = Announcer(outputs, tally, boot, events, offer)
        self._disk_monitor = disk_monitor
        self._events = events
        self._tally = tally
        self._boot = boot
        self._simulated = simulated
        self._recorded = ledger.recorded_ids(arrivals.recovered)
        self._unfinished: list[SpooledFile] = []
        self._finished_at = time.monotonic()
        self._between: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._ahead = Prefetcher(
            arrivals,
            spool,
            crash_isolation,
            threads,
            lambda: rulebook.rules,
            self._passed,
            lambda: bool(self._between),
        )

    def between(self, work: Callable[[], None]) -> Future[None]:
        """Do `work`, which may change the model, between two frames: those in hand have their rows.

        From any thread. What it raises as a QcEdgeError is the future's.
        """
        done: Future[None] = Future()
        self._between.append((work, done))
        return done

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Inspect until `stop`; the batch in hand is finished, the rest stays in the spool.

        The engine is closed at the end.
        """
        try:
            while not stop.is_set():
                self._rulebook.rules.engine_thread.run(partial(self._run, heartbeat, stop)).result()
                while self._between:
                    work, done = self._between.popleft()
                    try:
                        done.set_result(work())
                    except QcEdgeError as fault:
                        done.set_exception(fault)
        finally:
            self._ahead.close()
            self._judge.close()
            self._rulebook.rules.engine_thread.close()
            self._rulebook.rules.engine_thread.closed.wait(_POLL_S)

    def _run(self, heartbeat: Heartbeat, stop: threading.Event, engine: Engine) -> None:
        self._judge.use(engine)
        self._ahead.fit(self._judge.max_batch)
        while not stop.is_set() and (self._ahead or not self._between):
            heartbeat.beat()
            if self._disk_monitor.space is DiskSpace.NONE or not self._resume():
                stop.wait(_TAKE_S)
                continue
            self._inspect(heartbeat)

    def _inspect(self, heartbeat: Heartbeat) -> None:
        """Bring the next frames to their rows, or hold all that is in hand until there is room."""
        batch = Batch()
        try:
            self._ahead.fill(_TAKE_S)
            self._collect(batch, heartbeat)
            if batch.rows or batch.judged:
                self._finish(batch)
        except DiskFullError as fault:
            self._hold(batch, fault)
        else:
            self._tidy()

    def _collect(self, batch: Batch, heartbeat: Heartbeat) -> None:
        """Judge the next frame, and those behind it that are ready, up to `batch_max`; a suspect
        alone.
        """
        limit = self._rulebook.rules.settings.inspect.batch_max
        while self._ahead and (room := limit - len(batch.judged) - len(batch.rows)) > 0:
            if (waiting := self._ahead.row()) is not None:
                self._add_row(batch, waiting)
                self._ahead.drop()
            else:
                most = min(self._judge.max_batch, room)
                alone = self._ahead.run(batch.run, most, may_wait=not batch.judged)
                if not batch.run:
                    break
                self._judge_run(batch)
                heartbeat.beat()
                if alone:
                    break
            self._ahead.fill(0.0)

    def _add_row(self, batch: Batch, waiting: SpooledFile) -> None:
        try:
            batch.rows.append((waiting, self._spool.read_row(waiting, utc_now())))
        except FileNotFoundError:
            self._arrivals.done(waiting)
        except UnreadableFrameError as fault:
            LOG.error("%s", fault)
            self._spool.quarantine(waiting, fault.reason, fault.detail)
            self._retire(waiting)

    def _judge_run(self, batch: Batch) -> None:
        whole = []
        for found in batch.run:
            if found.vanished and self._ledger.recorded_ids([found.waiting.frame_id]):
                self._arrivals.done(found.waiting)
            elif found.may_be_unfinished:
                self._arrivals.defer(found.waiting, found.rules.settings.incoming.settle_s)
            else:
                whole.append(found)
        batch.run = []
        batch.judged += self._judge.judge(whole)

    def _finish(self, batch: Batch) -> None:
        """Evidence, rows, announcements, retirement: in this order and no other."""
        self._finished_at = time.monotonic()
        self._judge.finish()
        if any(each.found.waiting.original_name is not None for each in batch.judged):
            self._spool.sync()
        now = utc_now()
        inspections = [self._conclude(judged, now) for judged in batch.judged]
        self._ledger.append([*(row for _, row in batch.rows), *inspections], now)
        for _, row in batch.rows:
            if isinstance(row, Gap):
                self._tally.lose(row.lost, now)
        for judged, inspection in zip(batch.judged, inspections, strict=True):
            self._announcer.announce(judged, inspection)
        for waiting in batch.taken():
            self._crash_isolation.end(waiting.frame_id)
            self._retire(waiting)
        batch.clear()
        self._ledger.apply()

    def _tidy(self) -> None:
        """Nothing waits: the log does what would else hold up a frame."""
        if self._ahead or self._arrivals.depth:
            return
        try:
            self._ledger.checkpoint(paused=time.monotonic() - self._finished_at > _PAUSE_S)
        except DiskFullError as fault:
            LOG.error("holding: %s", fault)
            self._disk_monitor.report_full()

    def _hold(self, batch: Batch, fault: DiskFullError) -> None:
        """No room: what has no row yet is not told, stays in the spool, and is next when there is
        room.
        """
        LOG.error("holding: %s", fault)
        self._disk_monitor.report_full()
        self._judge.forget(batch.judged)
        self._unfinished = [*batch.taken(), *self._ahead.give_up()]

    def _resume(self) -> bool:
        """After a hold: mend the log, take up what was in hand; False if there is still no room."""
        if not self._unfinished:
            return True
        try:
            self._ledger.reopen()
        except DiskFullError:
            self._disk_monitor.report_full()
            return False
        self._recorded |= self._ledger.recorded_ids(
            waiting.frame_id for waiting in self._unfinished
        )
        self._arrivals.give_back(self._unfinished)
        self._unfinished = []
        LOG.info("there is room again: the station goes on")
        return True

    def _conclude(self, judged: ScoredFrame, now: datetime) -> Inspection:
        age = inspection_row.age_ms(judged, self._boot)
        decision = inspection_row.conclude(judged, age, now)
        return inspection_row.row(
            judged, decision, age, now, judged.found.frame.camera in self._simulated
        )

    def _passed(self, waiting: SpooledFile) -> bool:
        """Its row was committed before a crash or a hold; the announcement may not have
        followed.
        """
        if waiting.frame_id not in self._recorded:
            return False
        if not waiting.is_row:
            words = "its row stood already; whether the line was told of it is not known"
            detail = f"{waiting.frame_id}: {words}"
            self._events.report(Occurrence(EventKind.ANNOUNCEMENT_UNKNOWN, detail, who="inspector"))
        self._crash_isolation.end(waiting.frame_id)
        self._retire(waiting)
        return True

    def _retire(self, waiting: SpooledFile) -> None:
        self._spool.retire(waiting)
        self._arrivals.done(waiting)
