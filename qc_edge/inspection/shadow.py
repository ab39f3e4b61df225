"""The shadow: a second bundle that scores what the line has been told of already. Nobody waits for
it.

Frames come after their announcement, through a short queue; what finds no place there is let go and
counted. Its engine has a thread of its own, nicer than the line's; whatever goes wrong there ends
the shadow, never the station. It changes no verdict and keeps no evidence: its scores are rows of
`shadow_scores`.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Inspection, ShadowScore
from qc_edge.engine import BuildContext, Engine, Loader, Prepared, Score
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError, EngineLostError, QcEdgeError, StoreError
from qc_edge.recipe.active_model import opened
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.priority import lower_priority
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.ledger import Ledger

Offer = Callable[[Inspection, Prepared], None]
"""Told of each part that has a score, after its announcement; must not wait."""

QUEUE = 16
"""Frames that may wait: 4 MB of prepared inputs."""

_NICE = 10
_FAILURES_IN_A_ROW = 5
_ROWS, _KEEP_S = 64, 2.0
"""So many rows share a commit, or those of so long: one row by itself would cost the log as much.
"""

_POLL_S = 0.25
_SILENT_S = 10.0


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """How the shadow is, and what became of the frames since the station started."""

    bundle: str
    state: str
    engine: str | None
    scored: int
    failed: int
    dropped: int


class Shadow:
    """`offer` is called by the inspector's thread, `run` is a worker, `status` may be asked by any.

    `busy` is True while the line needs the machine for itself.
    """

    def __init__(
        self,
        settings: Settings,
        paths: StationPaths,
        load: Loader,
        ledger: Ledger,
        busy: Callable[[], bool],
        events: EventLog,
    ) -> None:
        assert settings.shadow.bundle is not None, "a shadow needs a bundle"  # noqa: S101
        self._named = settings.shadow.bundle
        self._settings = settings
        self._paths = paths
        self._load = load
        self._ledger = ledger
        self._busy = busy
        self._events = events
        self._frames: queue.Queue[tuple[Inspection, Prepared]] = queue.Queue(QUEUE)
        self._rows: list[ShadowScore] = []
        self._kept_at = time.monotonic()
        self._is_open = True
        self._state, self._engine = "starting", ""
        self._scored = self._failed = self._failures = 0
        self._turned_away = self._given_up = self._dropped_told = 0

    def offer(self, inspection: Inspection, prepared: Prepared) -> None:
        """Take the frame (H x W, uint8) if there is room for it; never waits."""
        try:
            if not self._is_open:
                raise queue.Full
            self._frames.put_nowait((inspection, prepared))
        except queue.Full:
            self._turned_away += 1

    @property
    def _dropped(self) -> int:
        """Counted apart, so that each count has one thread that adds to it."""
        return self._turned_away + self._given_up

    @property
    def status(self) -> ShadowStatus:
        """The shadow now."""
        return ShadowStatus(
            self._named,
            self._state,
            self._engine or None,
            self._scored,
            self._failed,
            self._dropped,
        )

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Score what is offered until `stop`, or until the shadow's engine is no longer fit for
        that.
        """
        try:
            self._work(heartbeat, stop)
        except Exception as fault:  # noqa: BLE001 (a fault of the shadow is never the line's)
            self._is_open = False
            words = (
                fault.message
                if isinstance(fault, QcEdgeError)
                else f"{type(fault).__name__}: {fault}"
            )
            self._state = f"stopped: {' '.join(words.split())}"
            self._report(EventKind.SHADOW_FAILED, f"{self._named} is no longer asked: {words}")
            while not stop.wait(_POLL_S):
                heartbeat.beat()
        self._end()

    def _work(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        bundle = opened(self._paths, self._settings.model, self._named)
        engine_thread = EngineThread(
            bundle, lambda: self._load_nicely(bundle, stop), "shadow-engine"
        )
        try:
            if not self._wait(engine_thread.ready, heartbeat, stop):
                return
            info = engine_thread.ready.result()
            self._state, self._engine = "scoring", f"{info.backend} {info.version} on {info.device}"
            self._report(
                EventKind.SHADOW_STARTED,
                f"{bundle.reference} on {self._engine}, threshold {self._limit(bundle):g}",
            )
            while not stop.is_set():
                heartbeat.beat()
                self._next(engine_thread, heartbeat, stop)
                if self._rows and (
                    len(self._rows) >= _ROWS or time.monotonic() - self._kept_at > _KEEP_S
                ):
                    self._keep()
        finally:
            engine_thread.close()

    def _load_nicely(self, bundle: Bundle, stop: threading.Event) -> Engine:
        lower_priority(_NICE)
        engine = self._settings.engine.model_copy(update={"threads": 1})
        return self._load(bundle, engine, BuildContext(self._paths.plans, is_stopping=stop.is_set))

    def _next(
        self, engine_thread: EngineThread, heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """The next frame, once the line leaves time for it."""
        if self._busy():
            stop.wait(_POLL_S / 10)
            return
        try:
            inspection, prepared = self._frames.get(timeout=_POLL_S)
        except queue.Empty:
            return
        begun = time.perf_counter()
        scores: Future[list[Score]] = engine_thread.infer(prepared[None])
        if not self._wait(scores, heartbeat, stop):
            self._given_up += 1
            return
        taken_ms = (time.perf_counter() - begun) * 1e3
        try:
            score, words = scores.result()[0].value, ""
        except EngineLostError:
            raise
        except EngineError as fault:
            score, words = math.nan, fault.message
        if not words and not 0.0 <= score <= 1.0:
            words = f"the model returned {score!r}, expected a number in 0..1"
        self._add(engine_thread, inspection, None if words else score, words, taken_ms)

    def _add(
        self,
        engine_thread: EngineThread,
        inspection: Inspection,
        score: float | None,
        words: str,
        taken_ms: float,
    ) -> None:
        info, bundle = engine_thread.ready.result(), engine_thread.bundle
        limit = self._limit(bundle)
        verdict = None if score is None else "FAIL" if score >= limit else "PASS"
        dropped = self._dropped - self._dropped_told
        self._dropped_told += dropped
        self._rows.append(
            ShadowScore(
                frame_id=inspection.frame_id,
                recorded_at=utc_now(),
                station=inspection.station,
                part_id=inspection.part_id,
                camera=inspection.camera,
                score=score,
                threshold=limit,
                verdict=verdict,
                detail=words,
                dropped_before=dropped,
                infer_ms=round(taken_ms, 3),
                model_name=bundle.name,
                model_version=bundle.version,
                model_sha256=bundle.sha256,
                engine_backend=info.backend,
                engine_version=info.version,
                engine_device=info.device,
                engine_plan_sha256=info.plan_sha256,
            )
        )
        if score is not None:
            self._scored, self._failures = self._scored + 1, 0
            return
        self._failed += 1
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW:
            raise EngineError(f"it failed on {self._failures} frames in a row, last: {words}")

    def _wait(self, future: Future[Any], heartbeat: Heartbeat, stop: threading.Event) -> bool:
        """Until it is done, however long that takes; False if the station stops first."""
        begun, state = time.monotonic(), self._state
        while wait([future], _POLL_S).not_done:
            heartbeat.beat()
            if stop.is_set():
                return False
            silent = time.monotonic() - begun
            if silent > _SILENT_S:
                self._state = f"{state}, no answer for {silent:.0f} s"
        self._state = state
        return True

    def _limit(self, bundle: Bundle) -> float:
        given = self._settings.shadow.threshold
        return bundle.threshold if given is None else given

    def _keep(self) -> None:
        """Write the rows. Those that the log does not take are lost and count as dropped."""
        rows, self._rows, self._kept_at = self._rows, [], time.monotonic()
        try:
            self._ledger.commit(rows, utc_now())
        except StoreError as fault:
            self._given_up += len(rows)
            LOG.error("no rows for %d scores of the shadow: %s", len(rows), fault)

    def _end(self) -> None:
        self._is_open = False
        if self._rows:
            self._keep()
        self._given_up += self._frames.qsize()
        if left := self._dropped - self._dropped_told:
            self._report(
                EventKind.SHADOW_DROPPED,
                f"{left:,} frames were not scored by {self._named} at the end",
            )

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail))
