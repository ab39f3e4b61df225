"""The role `inspect`: arrivals, the inspector with its engine and rules, the shadow, the models.

Builds and starts them in order. Nothing is taken from the spool before the engine has proven itself
and the log has the events of what is in force.
"""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from functools import partial

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import DiskFullError, EngineError
from qc_edge.inspection.announcer import Announcer
from qc_edge.inspection.crash_isolation import CrashIsolation, TakenFrames
from qc_edge.inspection.evidence_keeper import EvidenceKeeper
from qc_edge.inspection.inspection_row import InspectionBuilder
from qc_edge.inspection.inspector import Inspector
from qc_edge.inspection.parts.assembly import Assembly
from qc_edge.inspection.parts.part_numbers import PartNumbers
from qc_edge.inspection.repeats import MOST_PICTURES, Repeats
from qc_edge.inspection.scoring.scorer import FrameScorer
from qc_edge.inspection.statistics import Statistics
from qc_edge.inspection.stores import InspectionStores, Judging
from qc_edge.intake.arrivals import Arrivals
from qc_edge.intake.exposure import ExposureTimes
from qc_edge.recipe.acceptance_check import check_acceptance
from qc_edge.recipe.active_model import OpenedModels
from qc_edge.recipe.calibrating.taking_up import CalibrationTaker
from qc_edge.recipe.changeover.camera_changes import CameraChanges
from qc_edge.recipe.changeover.follower import ChangeoverFollower
from qc_edge.recipe.changeover.recipe_engines import RecipeEnginePool
from qc_edge.recipe.changeover.start import RecipeStart
from qc_edge.recipe.in_force import waiting_for_log
from qc_edge.recipe.model_activation import ModelActivator
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.score_identity import ScoreIdentity
from qc_edge.recipe.start_check import check_start
from qc_edge.service.clock import utc_now
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import INCOMING, Role, Settings
from qc_edge.shadow.shadow import Shadow
from qc_edge.station.dependencies import StationParts
from qc_edge.station.judging.challenge_worker import start_challenges
from qc_edge.station.line.outputs import StationOutputs
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.evidence import Evidence
from qc_edge.store.log.ledger import Ledger

_IN_HAND = 64
"""No more frames than this are in hand at once; after a crash, so many are suspects."""

_AGAIN_S = 0.5
"""Seconds between two tries to write the events of a start on a full disk."""


class InspectRole:
    """Everything that inspects. Started once, from the main thread.

    `inspector` and `rulebook` are None until the engine has proven itself.
    """

    def __init__(
        self, parts: StationParts, ledger: Ledger, events: EventLog, outputs: StationOutputs
    ) -> None:
        """Make arrivals (which list what a crash left in the spool), tally and shadow."""
        settings, reporter = parts.settings, parts.reporter
        self.inspector: Inspector | None = None
        self.rulebook: RuleBook | None = None
        self._parts = parts
        self._ledger = ledger
        self._events = events
        self._outputs = outputs
        self.arrivals = Arrivals(parts.paths, parts.spool, parts.clock, settings, events)
        now = utc_now()
        self._first_record = ledger.startup_state.first_recorded_at or now
        self._statistics = Statistics(parts.meter, ledger.day_counts)
        self._statistics.recount(settings.station.calendar, now)
        self.shadow = self._make_shadow() if settings.shadow.bundle else None
        reporter.arrivals, reporter.shadow = self.arrivals, self.shadow
        reporter.statistics = self._statistics
        reporter.mended = tuple(ledger.repairs)
        for words in ledger.repairs:
            events.report(Occurrence(EventKind.LOG_MENDED, words))

    def start(self, supervisor: Supervisor) -> None:
        """Start the workers; on return frames are inspected, or the station was told to stop."""
        workers, patience = self._parts.workers, self._parts.dependencies.patience_s
        self._outputs.open(self._parts, self._ledger, self._events, self.arrivals.recovered)
        workers.start("inspector", patience, self._inspect)
        supervisor.wait_until(lambda: self.inspector is not None)
        workers.start("arrivals", patience, self.arrivals.run)
        if self.shadow:
            workers.start("shadow", patience, self.shadow.run)

    def _make_shadow(self) -> Shadow:
        parts = self._parts
        return Shadow(
            parts.settings,
            parts.paths,
            parts.dependencies.load_engine,
            self._ledger,
            self.arrivals,
            parts.disk_monitor,
            self._events,
        )

    def _inspect(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """The inspector's worker: the model, the rules, then frames until `stop`."""
        parts, reporter = self._parts, self._parts.reporter
        # A small box with a cold disk loads its first engine as slowly as one beside another.
        heartbeat.beat(4 * parts.dependencies.patience_s)
        load = parts.dependencies.load_engine
        identity = ScoreIdentity(self._ledger, parts.paths, self._events)
        models = ModelActivator(parts.paths, parts.settings, load, identity, self._events)
        # First of all: to load an engine, only to refuse a record then, may take minutes.
        check_start(parts.paths, self._ledger, parts.settings, parts.clock.judging_now())
        check_acceptance(parts.paths, self._ledger, self._events)
        opened = self._open_models(models, heartbeat, stop)
        engines = RecipeEnginePool(parts.paths, parts.settings, load, opened.engines, identity)
        recipes = self._follow_recipes(engines)
        start = RecipeStart(parts.paths, parts.settings, self._ledger, engines)
        opened = start.open(opened, self.arrivals.recovered, heartbeat, stop)
        rulebook = self._begin_rules(opened, heartbeat, stop)
        models.opened_is_in_force(opened.active_model)
        recipes.opened_is_in_force(opened.recipe)
        inspector = self._make_inspector(rulebook)
        reporter.rulebook, reporter.models, reporter.recipes = rulebook, models, recipes
        self.rulebook, self.inspector = rulebook, inspector
        change_models = partial(models.run, rulebook, inspector)
        parts.workers.start("models", parts.dependencies.patience_s, change_models)
        change_recipes = partial(recipes.run, rulebook, inspector)
        parts.workers.start("recipes", parts.dependencies.patience_s, change_recipes)
        calibrations = CalibrationTaker(parts.paths, rulebook, self._events)
        parts.workers.start("calibration", 2 * parts.dependencies.patience_s, calibrations.run)
        parts.workers.changed.set()  # the main thread waits for the inspector to be there
        inspector.run(heartbeat, stop)

    def _follow_recipes(self, engines: RecipeEnginePool) -> ChangeoverFollower:
        reporter = self._parts.reporter
        captures = Role.CAPTURE in self._parts.settings.station.roles
        cameras = CameraChanges(lambda: reporter.captures, captures=captures)
        return ChangeoverFollower(
            self._parts.paths, engines, cameras, self._events, lambda: self.arrivals.depth
        )

    def _open_models(
        self, models: ModelActivator, heartbeat: Heartbeat, stop: threading.Event
    ) -> OpenedModels:
        """The engines that are to judge, proven; a full disk is waited for."""

        def tell(step: str, limit_s: float) -> None:
            self._parts.reporter.trouble = f"not ready: {step}"
            heartbeat.beat(limit_s)

        while True:
            try:
                opened = models.open(tell, stop)
                heartbeat.beat()
                return opened
            except DiskFullError as fault:
                self._wait_for_room(fault, heartbeat, stop)

    def _begin_rules(
        self, opened: OpenedModels, heartbeat: Heartbeat, stop: threading.Event
    ) -> RuleBook:
        """The rules in force, with their events; a full disk is waited for."""
        parts = self._parts
        try:
            while True:
                try:
                    return RuleBook(
                        parts.paths,
                        self._ledger,
                        self._events,
                        parts.settings,
                        opened,
                        parts.clock,
                    )
                except DiskFullError as fault:
                    self._wait_for_room(fault, heartbeat, stop)
        except BaseException:
            opened.engines.close()
            raise

    def _wait_for_room(
        self, fault: DiskFullError, heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """Say why nothing is judged yet, and wait a little. Raises EngineError if told to stop."""
        trouble = f"not ready: {waiting_for_log(fault)}"
        if trouble != self._parts.reporter.trouble:
            LOG.error("%s", trouble)
        self._parts.reporter.trouble = trouble
        self._parts.reporter.waits_for_room = True
        heartbeat.beat()
        if stop.wait(_AGAIN_S):
            raise EngineError("told to stop")

    def _make_inspector(self, rulebook: RuleBook) -> Inspector:
        parts, settings, disk = self._parts, self._parts.settings, self._parts.dependencies.disk
        taken_frames = TakenFrames(parts.paths.state / "taken-frames")
        # The oldest as well: a power cut may have taken the note of those that were in hand.
        candidates = set(self.arrivals.recovered[:_IN_HAND]) | taken_frames.before
        suspects = [frame for frame in self.arrivals.recovered if frame in candidates]
        isolation = CrashIsolation(parts.paths.state / "in-hand.json", disk, suspects)
        file_clock = FileSystemClock(parts.paths.incoming, ".qc-edge-exposure-clock")
        stores = InspectionStores(
            self.arrivals,
            parts.spool,
            self._ledger,
            parts.disk_monitor,
            isolation,
            ExposureTimes(parts.boot, parts.clock, file_clock, self._first_record),
            taken_frames,
        )
        counters = dict(self._ledger.startup_state.part_counters)
        part_numbers = PartNumbers(counters, _only_camera(settings))
        kept = Evidence(parts.paths.state, parts.paths.evidence, disk)
        evidence = EvidenceKeeper(parts.spool, kept)
        simulated = frozenset(each.name for each in settings.camera if each.backend != "basler")
        since = utc_now() - timedelta(seconds=settings.incoming.repeat_window_s)
        line = self._outputs.identities
        assembly = Assembly(parts.paths, self._ledger, rulebook, part_numbers, parts.boot, line)
        challenge = start_challenges(parts, self._ledger, self._events, rulebook)
        judging = Judging(
            rulebook,
            part_numbers,
            assembly,
            evidence,
            FrameScorer(assembly, evidence),
            InspectionBuilder(simulated, parts.clock, challenge, parts.reporter.held_for),
            Repeats(self._ledger.recent_frames(since, MOST_PICTURES)),
        )
        outputs = [*self._outputs.all, challenge]
        announcer = Announcer(outputs, self._statistics, self.shadow, self._events)
        threads = settings.inspect.prepare_threads or max(1, (os.cpu_count() or 2) - 1)
        return Inspector(stores, judging, announcer, self._events, threads)


def _only_camera(settings: Settings) -> str | None:
    """The camera that a dropped file without a sidecar belongs to, where there is but one."""
    names = [camera.name for camera in settings.camera] or [INCOMING]
    return names[0] if len(names) == 1 else None
