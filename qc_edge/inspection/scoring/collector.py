"""Fills a batch: rows that capture handed over, and frames that get their score.

Takes what is prepared in turn, lane by lane; what is for another engine is handed over and comes
back in a batch of its own. Never decides, never writes a row.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from qc_edge.domain.events import EventLog
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.inspection.batch import Batch
from qc_edge.inspection.prefetch import Prefetcher
from qc_edge.inspection.retirement import Retirement
from qc_edge.inspection.scoring.inference import FrameScore
from qc_edge.inspection.scoring.other_engines import OtherEngines
from qc_edge.inspection.scoring.pace import Pace, ms_since
from qc_edge.inspection.stores import InspectionStores, Judging
from qc_edge.inspection.timeliness import Timeliness
from qc_edge.intake.damaged_row import read_row
from qc_edge.intake.lanes import Lane
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.store.spooled_file import SpooledFile


class Collector:
    """Used by the inspector's thread, which is that of the engine in `engine_thread`."""

    engine_thread: EngineThread

    def __init__(
        self,
        stores: InspectionStores,
        judging: Judging,
        prefetcher: Prefetcher,
        retirement: Retirement,
        other_engines: OtherEngines,
        timeliness: Timeliness,
        events: EventLog,
    ) -> None:
        self._arrivals, self._spool, self._ledger = stores.arrivals, stores.spool, stores.ledger
        self._rulebook, self._scorer = judging.rulebook, judging.scorer
        self._prefetcher = prefetcher
        self._retirement = retirement
        self._other_engines = other_engines
        self._timeliness = timeliness
        self._events = events
        # Of each engine, as one may be much slower than another; None: the inspector's own.
        self._paces: defaultdict[EngineThread | None, Pace] = defaultdict(Pace)

    def pace(self, batch: Batch) -> Pace:
        """How long verdicts take by the engine of this batch."""
        return self._paces[batch.other_engine]

    def collect(self, batch: Batch, heartbeat: Heartbeat) -> None:
        """Score the next frame of the batch's lane, and those behind it that are ready.

        Up to `batch_max`, for a part of the deadline: its first is told when all are scored, and a
        live part that comes waits. What may have crashed the station makes a batch of its own.
        """
        settings, lane = self._rulebook.rules.settings, batch.lane
        most, deadline_ms = settings.inspect.batch_max, settings.station.deadline_ms
        pace = self._paces[None]
        limit = pace.batch_limit(most, deadline_ms)
        while self._prefetcher.has(lane) and (room := limit - batch.size) > 0:
            if (row_file := self._prefetcher.next_row(lane)) is not None:
                self._add_row(batch, row_file)
                self._prefetcher.drop_next(lane)
            else:
                most = min(self._scorer.max_batch, room)
                is_suspect = self._prefetcher.take_prepared(
                    lane, batch.unscored, most, may_wait=not batch.scored
                )
                if not batch.unscored:
                    break
                self._score(batch, is_suspect=is_suspect)
                heartbeat.beat()
                if is_suspect:
                    break
            self._prefetcher.fill(0.0)
            overtaken = lane is Lane.BACKLOG and self._prefetcher.has(Lane.LIVE)
            if overtaken or pace.is_spent(batch.took_ms, deadline_ms):
                break

    def _add_row(self, batch: Batch, file: SpooledFile) -> None:
        """Add a gap or an event that capture handed over."""
        try:
            row = read_row(self._spool, self._events, file)
        except FileNotFoundError:
            self._arrivals.done(file)
            return
        if row is None:
            self._retirement.retire(file)
        else:
            batch.rows.append((file, row))

    def _score(self, batch: Batch, *, is_suspect: bool) -> None:
        """Score the prepared frames of the batch that are whole, still there and not too late; or
        hand them over, if they are for another engine.
        """
        whole = []
        engine_thread = batch.unscored[0].view.engine_thread
        other = None if engine_thread is self.engine_thread else engine_thread
        for prepared in batch.unscored:
            file = prepared.file
            if prepared.vanished and self._ledger.recorded_ids([file.frame_id]):
                # An event of inotify that was older than its retirement: it has its row.
                self._arrivals.done(file)
            elif prepared.may_be_unfinished:
                self._arrivals.defer(file, prepared.rules.settings.incoming.settle_s)
            elif batch.lane is Lane.LIVE and self._paces[other].refuses(prepared):
                self._arrivals.set_back(file)
                self._timeliness.add(in_time=False)
            else:
                whole.append(prepared)
        batch.unscored = []
        if not whole:
            return
        self._prefetcher.served(batch.lane, len(whole))
        begun = time.monotonic()
        if other is None:
            batch.begun_at = batch.begun_at or begun
            batch.scored += self._scorer.score(whole)
            self._paces[None].scored(len(whole), ms_since(begun))
        elif is_suspect:  # alone in hand until it has its row
            batch.begun_at, batch.other_engine, batch.unscored = begun, other, whole
            self.take_scores(batch, self._other_engines.infer(other, whole).result())
        else:
            self._other_engines.hand_over(other, batch.lane, whole)

    def take_scores(self, batch: Batch, scores: Sequence[FrameScore]) -> None:
        """The frames of the batch come back from another engine."""
        self._paces[batch.other_engine].scored(len(batch.unscored), batch.took_ms)
        frames, batch.unscored = batch.unscored, []
        batch.scored += self._scorer.take(frames, scores)
