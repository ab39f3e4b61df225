"""The model that judges: opened and proven at the start, and exchanged while the station runs.

An activation is proven beside the engine that judges and takes its place between two frames, once
the log has its event; one that fails changes nothing and says why. Never judges, never edits a
bundle or a record.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Protocol

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.activation import Activation, Outcome
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.engine import BuildContext, EngineInfo, Loader
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError, QcEdgeError, StoreError
from qc_edge.recipe.active_model import ActiveModel, activated, chosen
from qc_edge.recipe.in_force import not_in_force
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.score_identity import ScoreIdentity
from qc_edge.records import activations
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths

LOOK_S = 0.5
_SLICE_S = 0.2
_SILENT_S = 60.0
"""An engine that is proven beside the one that judges may be silent for so long, if it announces no
more.
"""

_REST_S = 0.02

_STOPPED = "told to stop"


class BetweenFrames(Protocol):
    """The inspector, as far as a change of model needs it."""

    def between(self, work: Callable[[], None]) -> Future[None]:
        """Do `work` when the frames in hand have their rows, before the next one."""


class ModelActivator:
    """`open` and `opened_is_in_force` on the inspector's thread, `run` on a worker's.

    `news` says what is under way, or was refused; `trouble` what a person should know of at once.
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
        self._unconcluded: dict[Activation, Outcome] = {}
        self.news = ""
        self.trouble = ""

    def open(
        self, tell: Callable[[str, float], None], stop: threading.Event
    ) -> tuple[EngineThread, ActiveModel]:
        """At the start: the engine of what is to judge, proven. An activation that fails changes
        nothing.

        Raises ModelError, EngineError; EngineError too if `stop` is set meanwhile; StoreError if
        the log does not take an event, then it may be called again.
        """
        history = activations.load(self._paths.activations)
        self._seen = activations.newest(self._paths.activations)
        build_context = BuildContext(self._paths.plans, tell, stop.is_set)
        if pending := history.pending:
            try:
                active_model = activated(self._paths, self._settings.model, pending)
                return self._proven(active_model.bundle, build_context, stop), active_model
            except StoreError:
                raise  # a fault of the disk says nothing of the bundle
            except QcEdgeError as fault:
                if stop.is_set():
                    raise
                self._refuse(pending, fault)
        active_model = chosen(self._paths, self._settings.model)
        return self._proven(active_model.bundle, build_context, stop), active_model

    def opened_is_in_force(self, active_model: ActiveModel) -> None:
        """At the start, once the log has the event of what was opened: its activation is applied.

        In this order, so that a crash between the two makes the next start take it up again, which
        adds no second event.
        """
        activation = active_model.activation
        if activation and activation == activations.load(self._paths.activations).pending:
            self._conclude(activation, Outcome(True, utc_now(), ""))

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
            self._conclude_again()
            if (newest := activations.newest(self._paths.activations)) == self._seen:
                continue
            self._seen = newest
            try:
                pending = activations.load(self._paths.activations).pending
            except QcEdgeError as fault:
                self.news = f"the activation {newest} was refused: {fault.message.splitlines()[0]}"
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
        self.news = f"activating {pending.bundle}: loading and proving it"
        patience = _Patience(self, pending.bundle)
        try:
            active_model = activated(self._paths, self._settings.model, pending)
            engine_thread = self._open(
                active_model.bundle, BuildContext(self._paths.plans, patience.told, stop.is_set)
            )
            try:
                patience.await_ready(engine_thread, heartbeat, stop)
                check = partial(
                    self._identity.check, engine_thread, partial(_rest, heartbeat, stop)
                )
                self._until_recorded(check, heartbeat, stop)
                change = partial(rulebook.change_model, engine_thread, active_model)
                exchange = partial(_exchange, inspector, change, heartbeat, stop)
                self._until_recorded(exchange, heartbeat, stop)
            except QcEdgeError:
                engine_thread.close()
                raise
        except QcEdgeError as fault:
            if not stop.is_set():
                self._refuse(pending, fault)
        else:
            self._conclude(pending, Outcome(True, utc_now(), ""))
            self.news = ""

    def _until_recorded(
        self, step: Callable[[], None], heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """Do a step that must have its event; again and again while the log does not take that.

        The proven engine is kept meanwhile: a full disk says nothing against the bundle.
        """
        while True:
            try:
                step()
                break
            except StoreError as fault:
                trouble = not_in_force(fault)
                if trouble != self.trouble:
                    LOG.error("%s", trouble)
                self.trouble = trouble
            heartbeat.beat()
            if stop.wait(LOOK_S):
                raise EngineError(_STOPPED)
        self.trouble = ""

    def _open(self, bundle: Bundle, build_context: BuildContext) -> EngineThread:
        return EngineThread(
            bundle, lambda: self._load(bundle, self._settings.engine, build_context)
        )

    def _proven(
        self, bundle: Bundle, build_context: BuildContext, stop: threading.Event
    ) -> EngineThread:
        engine_thread = self._open(bundle, build_context)
        while wait([engine_thread.ready], _SLICE_S).not_done:
            if stop.is_set():
                raise EngineError(_STOPPED)
        engine_thread.ready.result()
        try:
            self._identity.check(
                engine_thread,
                lambda: build_context.report("scoring stored inputs again", _SILENT_S),
            )
        except QcEdgeError:
            engine_thread.close()
            raise
        return engine_thread

    def _refuse(self, pending: Activation, fault: QcEdgeError) -> None:
        first = fault.message.splitlines()[0]
        self._conclude(pending, Outcome(False, utc_now(), first))
        self.news = f"{pending.bundle} was refused: {first}"
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
            )
        )

    def _conclude(self, activation: Activation, outcome: Outcome) -> None:
        """Keep what became of it beside the record; what the disk refuses is tried again."""
        try:
            activations.conclude(self._paths.activations, activation.record_id, outcome)
        except StoreError as fault:
            if activation not in self._unconcluded:
                LOG.error("not kept yet what became of %s: %s", activation.bundle, fault)
            self._unconcluded[activation] = outcome
        else:
            self._unconcluded.pop(activation, None)

    def _conclude_again(self) -> None:
        for activation, outcome in tuple(self._unconcluded.items()):
            self._conclude(activation, outcome)


def _exchange(
    inspector: BetweenFrames,
    change: Callable[[], None],
    heartbeat: Heartbeat,
    stop: threading.Event,
) -> None:
    """Do `change` between two frames and wait for that. Raises what it raised."""
    changed = inspector.between(change)
    while wait([changed], _SLICE_S).not_done and not stop.is_set():
        heartbeat.beat()
    if not changed.done():
        raise EngineError(_STOPPED)
    changed.result()


def _rest(heartbeat: Heartbeat, stop: threading.Event) -> None:
    """Between two stored inputs: the line goes first."""
    heartbeat.beat()
    stop.wait(_REST_S)


class _Patience:
    """How long an engine that is being proven may take, by its own words."""

    def __init__(self, book: ModelActivator, named: str) -> None:
        self._book = book
        self._named = named
        self._until = time.monotonic() + _SILENT_S

    def told(self, words: str, limit_s: float) -> None:
        """The engine says how it goes; the next words come within `limit_s`."""
        self._until = time.monotonic() + max(limit_s, _SILENT_S)
        self._book.news = f"activating {self._named}: {words}"

    def await_ready(
        self, engine_thread: EngineThread, heartbeat: Heartbeat, stop: threading.Event
    ) -> EngineInfo:
        """Its info. Raises EngineError if it is silent for too long, or at `stop`."""
        while wait([engine_thread.ready], _SLICE_S).not_done:
            heartbeat.beat()
            if stop.is_set():
                raise EngineError(_STOPPED)
            if time.monotonic() > self._until:
                raise EngineError(
                    f"the engine of {self._named} gave no sign of life in time while it was loaded",
                    hint="look at the journal; the engine in force goes on",
                )
        return engine_thread.ready.result()
