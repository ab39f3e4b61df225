"""The model that judges: opened and proven at the start, and exchanged while the station runs.

An activation is proven beside the engine that judges and takes its place between two frames, once
the log has its event; one that fails changes nothing and says why. Never judges, never edits a
bundle or a record.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.activation import Activation
from qc_edge.domain.decisions import Outcome
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.engine import BuildContext, Loader
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.engine.pool import EnginePool
from qc_edge.errors import EngineError, QcEdgeError, StoreError
from qc_edge.recipe.active_model import (
    ActiveModel,
    OpenedModels,
    open_activated,
    open_active_model,
    open_signed_bundle,
)
from qc_edge.recipe.engine_exchange import (
    SILENT_S,
    SLICE_S,
    STOPPED,
    BetweenFrames,
    EngineWait,
    Progress,
    exchange_engines,
    rest,
)
from qc_edge.recipe.in_force import waiting_for_log
from qc_edge.recipe.outcome_keeper import OutcomeKeeper
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.score_identity import ScoreIdentity
from qc_edge.records import activations
from qc_edge.records.record_file import file_digest
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths

LOOK_S = 0.5


class ModelActivator:
    """`open` and `opened_is_in_force` on the inspector's thread, `run` on a worker's.

    Anybody may look at `progress`.
    """

    def __init__(
        self,
        paths: StationPaths,
        settings: Settings,
        load: Loader,
        identity: ScoreIdentity,
        events: EventLog,
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._load = load
        self._identity = identity
        self._events = events
        self._seen = ""
        self._outcomes = OutcomeKeeper(paths.activations)
        self._engines = EnginePool()
        self.progress = Progress()

    def open(self, tell: Callable[[str, float], None], stop: threading.Event) -> OpenedModels:
        """At the start: the engines of what is to judge, proven. An activation that fails changes
        nothing.

        Raises ModelError, EngineError; EngineError too if `stop` is set meanwhile; StoreError if
        the log does not take an event, then it may be called again.
        """
        pending = activations.load(self._paths.activations).pending
        self._seen = activations.newest(self._paths.activations)
        build_context = BuildContext(self._paths.plans, tell, stop.is_set)
        try:
            engine_thread, active_model = self._open_own(pending, build_context, stop)
            view_engines: dict[str, EngineThread] = {}
            for view in self._settings.view:
                if view.bundle is not None:
                    bundle = open_signed_bundle(self._paths, self._settings.model, view.bundle)
                    view_engines[view.name] = self._proven(bundle, build_context, stop)
        except BaseException:
            self._engines.close()
            raise
        return OpenedModels(self._engines, engine_thread, active_model, view_engines)

    def _open_own(
        self, pending: Activation | None, build_context: BuildContext, stop: threading.Event
    ) -> tuple[EngineThread, ActiveModel]:
        if pending is not None:
            try:
                active_model = open_activated(self._paths, self._settings.model, pending)
                return self._proven(active_model.bundle, build_context, stop), active_model
            except StoreError:
                raise  # a fault of the disk says nothing of the bundle
            except QcEdgeError as fault:
                if stop.is_set():
                    raise
                self._refuse(pending, fault)
        active_model = open_active_model(self._paths, self._settings.model)
        return self._proven(active_model.bundle, build_context, stop), active_model

    def opened_is_in_force(self, active_model: ActiveModel) -> None:
        """At the start, once the log has the event of what was opened: its activation is applied.

        In this order, so that a crash between the two makes the next start take it up again, which
        adds no second event.
        """
        activation = active_model.activation
        if activation and activation == activations.load(self._paths.activations).pending:
            self._outcomes.keep(activation, Outcome(True, utc_now(), ""))

    def run(
        self,
        rulebook: RuleBook,
        inspector: BetweenFrames,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        """Take up activations as they come, until `stop`."""
        while not stop.wait(LOOK_S):
            heartbeat.beat()
            self._outcomes.retry()
            if (newest := activations.newest(self._paths.activations)) == self._seen:
                continue
            self._seen = newest
            try:
                pending = activations.load(self._paths.activations).pending
            except QcEdgeError as fault:
                self.progress.news = (
                    f"the activation {newest} was refused: {fault.message.splitlines()[0]}"
                )
                detail = f"the bundle in force stays: {fault.message}"
                self._events.report(Occurrence(EventKind.ACTIVATION_REFUSED, detail))
            else:
                if pending:
                    self._take_up(pending, rulebook, inspector, heartbeat, stop)

    def _take_up(
        self,
        pending: Activation,
        rulebook: RuleBook,
        inspector: BetweenFrames,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        """Prove its engine while the one in force goes on; then exchange them."""
        self.progress.news = f"activating {pending.bundle}: loading and proving it"
        loading = EngineWait(pending.bundle, self.progress)
        try:
            active_model = open_activated(self._paths, self._settings.model, pending)
            engine_thread = self._open(
                active_model.bundle, BuildContext(self._paths.plans, loading.heard, stop.is_set)
            )
            try:
                loading.await_ready(engine_thread, heartbeat, stop)
                check = partial(self._identity.check, engine_thread, partial(rest, heartbeat, stop))
                self._until_recorded(check, heartbeat, stop)
                change = partial(rulebook.change_model, engine_thread, active_model)
                exchange = partial(exchange_engines, inspector, change, heartbeat, stop)
                self._until_recorded(exchange, heartbeat, stop)
            except QcEdgeError:
                self._engines.release(engine_thread)
                raise
        except QcEdgeError as fault:
            if not stop.is_set():
                self._refuse(pending, fault)
        else:
            self._outcomes.keep(pending, Outcome(True, utc_now(), ""))
            self.progress.news = ""

    def _until_recorded(
        self, step: Callable[[], None], heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """Do a step that writes an event, again and again until the log takes the event.

        The proven engine is kept meanwhile: a full disk says nothing against the bundle.
        """
        while True:
            try:
                step()
                break
            except StoreError as fault:
                trouble = waiting_for_log(fault)
                if trouble != self.progress.trouble:
                    LOG.error("%s", trouble)
                self.progress.trouble = trouble
            heartbeat.beat()
            if stop.wait(LOOK_S):
                raise EngineError(STOPPED)
        self.progress.trouble = ""

    def _open(self, bundle: Bundle, build_context: BuildContext) -> EngineThread:
        return self._engines.hold(
            bundle, lambda: self._load(bundle, self._settings.engine, build_context)
        )

    def _proven(
        self, bundle: Bundle, build_context: BuildContext, stop: threading.Event
    ) -> EngineThread:
        engine_thread = self._open(bundle, build_context)
        while wait([engine_thread.ready], SLICE_S).not_done:
            if stop.is_set():
                raise EngineError(STOPPED)
        engine_thread.ready.result()
        try:
            self._identity.check(
                engine_thread,
                lambda: build_context.report("scoring stored inputs again", SILENT_S),
            )
        except QcEdgeError:
            self._engines.release(engine_thread)
            raise
        return engine_thread

    def _refuse(self, pending: Activation, fault: QcEdgeError) -> None:
        first = fault.message.splitlines()[0]
        self._outcomes.keep(pending, Outcome(False, utc_now(), first))
        self.progress.news = f"{pending.bundle} was refused: {first}"
        record = self._paths.activations / f"{pending.record_id}.toml"
        words = (
            f"{pending.bundle}, {pending.words}: refused, the one before stays in force: "
            f"{fault.message}"
        )
        self._events.report(
            Occurrence(
                EventKind.ACTIVATION_REFUSED,
                words,
                pending.before,
                pending.bundle,
                pending.made_by,
                pending.reason,
                f"{record.parent.name}/{record.name}",
                file_digest(record) or None,
            )
        )
