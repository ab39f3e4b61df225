"""The shadow: a second bundle that scores parts after the line was told of them (decision 0016).

Frames come after their announcement, through a short queue that never blocks; what finds no place
there is counted as dropped. The shadow's engine has a thread of its own, with a lower priority than
the line's. Whatever goes wrong ends the shadow, never the station. It changes no verdict and keeps
no evidence: its scores are rows of `shadow_scores`.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Inspection
from qc_edge.engine import BuildContext, Engine, Loader, Prepared, Score
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError, EngineLostError, QcEdgeError
from qc_edge.intake.arrivals import Arrivals
from qc_edge.recipe.active_model import open_signed_bundle
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.priority import lower_priority
from qc_edge.settings import Settings, StationPaths
from qc_edge.shadow.shadow_log import ShadowInference, ShadowLog, shadow_row, unfit_input
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.log.ledger import Ledger

QUEUE = 16
"""Frames that may wait: 4 MB of prepared inputs."""

_NICENESS = 10
_FAILURES_IN_A_ROW = 5
_POLL_S = 0.25
_BUSY_POLL_S = 0.025
_SILENT_S = 10.0


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """The shadow's state, and what became of the frames since the station started."""

    bundle: str
    state: str
    engine: str | None
    scored: int
    failed: int
    dropped: int


class Shadow:
    """Scores with the settings' shadow bundle while the line has little to do.

    `offer` is called by the inspector's thread, `run` is a worker, `status` is read from any.
    """

    def __init__(
        self,
        settings: Settings,
        paths: StationPaths,
        load: Loader,
        ledger: Ledger,
        arrivals: Arrivals,
        disk_monitor: DiskMonitor,
        events: EventLog,
    ) -> None:
        assert settings.shadow.bundle is not None, "a shadow needs a bundle"  # noqa: S101
        self._reference = settings.shadow.bundle
        self._settings = settings
        self._paths = paths
        self._load = load
        self._arrivals = arrivals
        self._disk_monitor = disk_monitor
        self._events = events
        self._log = ShadowLog(ledger)
        self._frames: queue.Queue[tuple[Inspection, Prepared]] = queue.Queue(QUEUE)
        self._is_open = True
        self._state, self._engine = "starting", ""
        self._scored = self._failed = self._failures_in_a_row = 0
        # Two counts of dropped frames, so that each has one thread that adds to it.
        self._turned_away = self._given_up = 0
        self._dropped_reported = 0

    def offer(self, inspection: Inspection, prepared: Prepared) -> None:
        """Take the frame (H x W, uint8) if there is room for it; never waits."""
        try:
            if not self._is_open:  # after a fault: nobody would ever take it out
                raise queue.Full
            self._frames.put_nowait((inspection, prepared))
        except queue.Full:
            self._turned_away += 1

    @property
    def _dropped(self) -> int:
        return self._turned_away + self._given_up + self._log.lost

    @property
    def status(self) -> ShadowStatus:
        """The shadow now."""
        return ShadowStatus(
            self._reference,
            self._state,
            self._engine or None,
            self._scored,
            self._failed,
            self._dropped,
        )

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Score what is offered until `stop`; after a fault of the shadow only the worker lives on.

        It must: a worker that ends would end the station.
        """
        try:
            self._work(heartbeat, stop)
        except Exception as fault:  # noqa: BLE001 (a fault of the shadow is never the line's)
            self._is_open = False
            if isinstance(fault, QcEdgeError):
                cause = fault.message
            else:
                cause = f"{type(fault).__name__}: {fault}"
            self._state = f"stopped: {' '.join(cause.split())}"
            self._report(EventKind.SHADOW_FAILED, f"{self._reference} is no longer asked: {cause}")
            while not stop.wait(_POLL_S):
                heartbeat.beat()
        self._finish()

    def _work(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        bundle = open_signed_bundle(self._paths, self._settings.model, self._reference)
        engine_thread = EngineThread(
            bundle, lambda: self._load_engine(bundle, stop), "shadow-engine"
        )
        try:
            if not self._wait(engine_thread.ready, heartbeat, stop):
                return
            info = engine_thread.ready.result()
            self._state, self._engine = "scoring", f"{info.backend} {info.version} on {info.device}"
            threshold = self._threshold(bundle)
            self._report(
                EventKind.SHADOW_STARTED,
                f"{bundle.reference} on {self._engine}, threshold {threshold:g}",
                bundle,
            )
            while not stop.is_set():
                heartbeat.beat()
                self._score_next(engine_thread, heartbeat, stop)
                self._log.commit_if_due()
        finally:
            engine_thread.close()

    def _load_engine(self, bundle: Bundle, stop: threading.Event) -> Engine:
        """Called on the engine's thread: its priority, and one thread of its own, are the model's
        as long as it lives.
        """
        lower_priority(_NICENESS)
        engine = self._settings.engine.model_copy(update={"threads": 1})
        return self._load(bundle, engine, BuildContext(self._paths.plans, is_stopping=stop.is_set))

    def _score_next(
        self, engine_thread: EngineThread, heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """Score the next frame, once the line leaves time for it."""
        if self._arrivals.depth > 1 or self._disk_monitor.space is DiskSpace.NONE:
            stop.wait(_BUSY_POLL_S)
            return
        try:
            inspection, model_input = self._frames.get(timeout=_POLL_S)
        except queue.Empty:
            return
        if (unfit := unfit_input(engine_thread.bundle, inspection)) is not None:
            self._add(engine_thread, inspection, unfit)
            return
        begun = time.perf_counter()
        scores = engine_thread.infer(model_input[None])
        if not self._wait(scores, heartbeat, stop):
            self._given_up += 1
            return
        self._add(engine_thread, inspection, _result(scores, (time.perf_counter() - begun) * 1e3))

    def _add(
        self, engine_thread: EngineThread, inspection: Inspection, result: ShadowInference
    ) -> None:
        """Give the frame its row. Raises EngineError after several failures in a row."""
        info, bundle = engine_thread.ready.result(), engine_thread.bundle
        dropped_before = self._dropped - self._dropped_reported
        self._dropped_reported += dropped_before
        threshold = self._threshold(bundle)
        self._log.add(shadow_row(inspection, bundle, info, threshold, result, dropped_before))
        if result.score is not None:
            self._scored, self._failures_in_a_row = self._scored + 1, 0
            return
        self._failed += 1
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _FAILURES_IN_A_ROW:
            count = self._failures_in_a_row
            raise EngineError(f"it failed on {count} frames in a row, last: {result.detail}")

    def _wait(self, future: Future[Any], heartbeat: Heartbeat, stop: threading.Event) -> bool:
        """Wait until `future` is done, however long that takes; False if the station stops first.

        The worker beats meanwhile: a model that hangs must not look like a station that hangs.
        """
        begun, state = time.monotonic(), self._state
        while wait([future], _POLL_S).not_done:
            heartbeat.beat()
            if stop.is_set():
                return False
            silent_s = time.monotonic() - begun
            if silent_s > _SILENT_S:
                self._state = f"{state}, no answer for {silent_s:.0f} s"
        self._state = state
        return True

    def _threshold(self, bundle: Bundle) -> float:
        setting = self._settings.shadow.threshold
        return bundle.threshold if setting is None else setting

    def _finish(self) -> None:
        """Commit the last rows, and report what was dropped since the last row that says so."""
        self._is_open = False
        self._log.commit()
        self._given_up += self._frames.qsize()
        if dropped := self._dropped - self._dropped_reported:
            self._report(
                EventKind.SHADOW_DROPPED,
                f"{dropped:,} frames were not scored by {self._reference} at the end",
            )

    def _report(self, kind: EventKind, detail: str, bundle: Bundle | None = None) -> None:
        record = (bundle.record, bundle.digest) if bundle else (None, None)
        self._events.report(Occurrence(kind, detail, record=record[0], record_sha256=record[1]))


def _result(scores: Future[list[Score]], infer_ms: float) -> ShadowInference:
    """The result of a finished inference of one frame. Raises EngineLostError."""
    try:
        answer = scores.result()[0]
    except EngineLostError:
        raise
    except EngineError as fault:
        return ShadowInference(None, fault.message, infer_ms)
    if not (math.isfinite(answer.value) and 0.0 <= answer.value <= 1.0):
        detail = f"the model returned {answer.value!r}, expected a number in 0..1"
        return ShadowInference(None, answer.detail or detail, infer_ms)
    return ShadowInference(answer.value, "", infer_ms)
