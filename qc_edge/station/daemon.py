"""The station: builds every object in order, by hand, and runs until it is told to stop.

Read `Station.run` and you know the program. It decides nothing about parts.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from qc_edge.capture.capture import Capture
from qc_edge.capture.losses import report_torn
from qc_edge.domain.frame import FrameId, frame_id_micros
from qc_edge.domain.inspection import Event
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.inspection.arrivals import Arrivals
from qc_edge.inspection.crash_isolation import CrashIsolation
from qc_edge.inspection.inspector import Inspector
from qc_edge.inspection.scoring import FrameScorer
from qc_edge.inspection.shadow import Shadow
from qc_edge.inspection.tally import Tally
from qc_edge.output.journal import JournalOutput
from qc_edge.publish.publisher import Publisher
from qc_edge.publish.qa_database import QaDatabase
from qc_edge.publish.worker import PublishWorker
from qc_edge.recipe.active_model import ActiveModel
from qc_edge.recipe.in_force import described
from qc_edge.recipe.model_activation import ModelActivator
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.rules import INCOMING, Rules
from qc_edge.recipe.score_identity import ScoreIdentity
from qc_edge.service.clock import FrameClock, boot_id, utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.lock import StationLock
from qc_edge.service.logs import LOG, log_event
from qc_edge.service.notify import Notifier
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import Role, Settings, StationPaths, load_settings
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.housekeeping import Housekeeping
from qc_edge.station.meter import Meter
from qc_edge.station.reporter import Reporter
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.compression import Compressor
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.durable import make_directories
from qc_edge.store.evidence import Evidence
from qc_edge.store.ledger import Ledger
from qc_edge.store.spool import Spool

STOP_S = 4.0
"""Workers end within this time; the whole stop takes at most 5 s."""

_IN_HAND = 64
"""No more frames than this are in hand at once; after a crash, so many are suspects."""


class Station:
    """One station. `run` returns after a stop and raises QcEdgeError on a fault of the station."""

    def __init__(self, root: Path, name: str, dependencies: Dependencies | None = None) -> None:
        """Read the settings. Raises SettingsError with every fault in them."""
        self.paths = StationPaths(root, name)
        self.settings = load_settings(self.paths.settings)
        self._dependencies = dependencies or Dependencies()
        self._boot = boot_id()
        self._workers = WorkerPool()
        self._meter = Meter(each.name for each in self.settings.camera)
        self.rulebook = RuleBook(self.paths, self.note)
        self.journal = JournalOutput(self.settings.log.verdicts_per_s)
        self.inspector: Inspector | None = None
        self._ledger: Ledger | None = None
        self._arrivals: Arrivals | None = None
        self._publication: PublishWorker | None = None
        self._shadow: Shadow | None = None
        self.captures: list[Capture] = []

    def run(self, supervisor: Supervisor | None = None) -> None:
        """Start in order, watch over it, stop in reverse order."""
        settings, paths, workers = self.settings, self.paths, self._workers
        notifier = Notifier()
        with ExitStack() as stack:
            make_directories(paths.directories())
            for role in settings.station.roles:
                stack.enter_context(StationLock(paths.lock(role)))
            disk = self._dependencies.disk
            self._disk_monitor = disk_monitor = DiskMonitor(paths.state, disk, settings.storage)
            reporter = Reporter(settings, disk_monitor, workers.heartbeats)
            watcher = supervisor or Supervisor()
            watcher.attach(self, workers, reporter, notifier)
            if settings.metrics.listen != "none":
                self._serve_metrics(reporter, disk_monitor)

            self._spool = spool = Spool(paths, disk)
            inspects, captures = (
                role in settings.station.roles for role in (Role.INSPECT, Role.CAPTURE)
            )
            if inspects:
                self._ledger = self._open_log(watcher, disk_monitor)
                if self._ledger is None:
                    return
                stack.callback(self._ledger.close)
            reporter.clock = self.clock = FrameClock(paths.state / "frame-clock", self._newest_id())
            if self._ledger:
                stack.callback(self._start_publishing(self._ledger).finish)
            stack.callback(self._stop, notifier, watcher)
            if self._ledger:
                self._start_inspection(self._ledger, reporter, watcher)
            if captures:
                report_torn(spool, self.clock, settings.station.name)
                self._start_captures(reporter)
            compressor = Compressor(paths.evidence, paths.spool_tmp, disk) if inspects else None
            wait_s = settings.inspect.compress_after_s
            janitor = Housekeeping(
                disk_monitor, self.clock, self.note, self._arrivals, compressor, wait_s
            )
            workers.start("janitor", self._dependencies.patience_s, janitor.run)
            rules = self.inspector.rules if self.inspector else None
            self.note("started", described(settings.station.roles, rules))
            watcher.watch()

    def apply(self, settings: Settings, rules: Rules | None) -> None:
        """Run on these from the next frame on; frames in hand keep what they began with."""
        self.settings = settings
        self._disk_monitor.limits = settings.storage
        self.journal.rate.per_s = settings.log.verdicts_per_s
        LOG.setLevel(settings.log.level.upper())
        if self.inspector and rules:
            self.rulebook.apply(self.inspector, rules)
        if self._arrivals:
            self._arrivals.incoming = settings.incoming
        if self._publication:
            self._publication.every_s = settings.storage.publish_every_s

    def follow_records(self) -> None:
        """Take up records that are new, and the one whose time has come."""
        if self.inspector:
            self.rulebook.follow(self.inspector)

    def note(
        self,
        kind: str,
        detail: str,
        before: str | None = None,
        after: str | None = None,
        who: str = "station",
        why: str | None = None,
    ) -> None:
        """Say an event and write it: into the log, or through the spool where this process has
        none.
        """
        log_event(kind, detail)
        stamp, now = self.clock.stamp("station"), utc_now()
        row = Event(
            stamp.frame_id, now, self.settings.station.name, kind, who, detail, before, after, why
        )
        try:
            if self._ledger is not None:
                self._ledger.commit([row], now)
            else:
                self._spool.put_row(row)
        except StoreError as fault:
            LOG.error("no row for the event %s (%s): %s", kind, detail, fault)

    def _serve_metrics(self, reporter: Reporter, disk_monitor: DiskMonitor) -> None:
        # Prometheus' client brings an HTTP client and TLS: a station without metrics does without.
        from qc_edge.station.metrics import MetricsCollector
        from qc_edge.station.metrics_server import MetricsServer

        ages = {"publish_lag": lambda: self._publication.lag_s if self._publication else None}
        figures = MetricsCollector(
            reporter, disk_monitor, self._workers.heartbeats, self._meter, ages
        )
        server = MetricsServer(self.settings.metrics.listen, self.paths.metrics, figures)
        self._workers.start("metrics", self._dependencies.patience_s, server.run)

    def _start_publishing(self, ledger: Ledger) -> PublishWorker:
        """Before the first row: none may be recorded on a day that is sealed."""
        station, disk, patience = (
            self.settings.station.name,
            self._dependencies.disk,
            4 * self._dependencies.patience_s,
        )
        publisher = Publisher(ledger, self.paths.published, disk, station, self.note)
        self._publication = PublishWorker(
            publisher, self.settings.storage.publish_every_s, self.note
        )
        database, ready = QaDatabase(self.paths.qa, self.paths.published), self._publication.ready
        self._workers.start("publisher", patience, self._publication.run)
        self._workers.start(
            "qa", patience, lambda heartbeat, stop: database.run(heartbeat, stop, ready)
        )
        return self._publication

    def _start_inspection(self, ledger: Ledger, reporter: Reporter, watcher: Supervisor) -> None:
        """Arrivals first list what a crash left; nothing is taken before the engine has proven
        itself.
        """
        self._arrivals = arrivals = Arrivals(
            self.paths, self._spool, self.clock, self.settings.incoming
        )
        reporter.arrivals, reporter.mended = arrivals, tuple(ledger.repairs)
        reporter.tally = tally = Tally(
            ledger.day_counts(utc_now()), utc_now(), self._meter.announced
        )
        for words in ledger.repairs:
            self.note("log_mended", words)
        patience = self._dependencies.patience_s
        if self.settings.shadow.bundle:
            self._shadow = reporter.shadow = Shadow(
                self.settings,
                self.paths,
                self._dependencies.load_engine,
                ledger,
                lambda: arrivals.depth > 1 or self._disk_monitor.space is DiskSpace.NONE,
                self.note,
            )
        self._workers.start(
            "inspector", patience, self._inspection(arrivals, ledger, tally, reporter)
        )
        watcher.wait_until(lambda: self.inspector is not None)
        self._workers.start("arrivals", patience, arrivals.run)
        if self._shadow:
            self._workers.start("shadow", patience, self._shadow.run)

    def _inspection(
        self, arrivals: Arrivals, ledger: Ledger, tally: Tally, reporter: Reporter
    ) -> Callable[[Heartbeat, threading.Event], None]:
        """The inspector's work: as soon as its engine is ready, it moves to where that sits."""
        settings, disk, spool = self.settings, self._dependencies.disk, self._spool

        def work(heartbeat: Heartbeat, stop: threading.Event) -> None:
            identity = ScoreIdentity(ledger, self.paths, self.note)
            models = ModelActivator(
                self.paths, settings, self._dependencies.load_engine, identity, self.note
            )
            engine_thread, active_model = models.begin(reporter.starting(heartbeat), stop)
            heartbeat.beat()
            evidence = Evidence(self.paths.state, self.paths.evidence, disk)
            counters = dict(ledger.startup_state.part_counters)
            judge = FrameScorer(spool, evidence, counters, _only_camera(settings))
            suspects = arrivals.recovered[:_IN_HAND]
            rules = self.rulebook.load(settings, engine_thread, active_model)
            self.rulebook.begin(rules, ledger)
            inspector = Inspector(
                rules,
                arrivals,
                spool,
                ledger,
                judge,
                CrashIsolation(self.paths.state / "in-hand.json", disk, suspects),
                [self.journal, *self._dependencies.outputs],
                self._disk_monitor,
                self.clock,
                tally,
                self._boot,
                settings.inspect.prepare_threads or max(1, (os.cpu_count() or 2) - 1),
                frozenset(each.name for each in settings.camera if each.backend != "basler"),
                self._shadow.offer if self._shadow else lambda *_: None,
            )
            reporter.rules, reporter.models = lambda: inspector.rules, models

            def move(engine_thread: EngineThread, active_model: ActiveModel) -> Future[None]:
                return inspector.between(
                    lambda: self.rulebook.move(inspector, engine_thread, active_model)
                )

            self.inspector = inspector
            self._workers.start("models", self._dependencies.patience_s, partial(models.run, move))
            self._workers.changed.set()
            inspector.run(heartbeat, stop)

        return work

    def _start_captures(self, reporter: Reporter) -> None:
        station = self.settings.station.name
        for each in self.settings.camera:
            device = self._dependencies.connect_camera(each)
            capture = Capture(
                each, station, device, self.clock, self._boot, self._spool, self._disk_monitor
            )
            self.captures.append(capture)
            self._workers.start(
                f"capture-{each.name}", 2 * self._dependencies.patience_s, capture.run
            )
        reporter.captures = self.captures

    def _open_log(self, watcher: Supervisor, disk_monitor: DiskMonitor) -> Ledger | None:
        """The log; on a full disk, wait for room. None if told to stop meanwhile."""
        while True:
            try:
                return Ledger(
                    self.paths.database,
                    self.paths.journal,
                    self.paths.set_aside,
                    self._dependencies.disk,
                )
            except DiskFullError as fault:
                disk_monitor.report_full()
                LOG.error("holding: %s", fault)
                if watcher.pause(2.0):
                    return None
                disk_monitor.measure()

    def _newest_id(self) -> int:
        """The floor for new frame ids (microseconds): above everything in the spool and the log."""
        known = [name.partition("~")[0].partition(".")[0] for name in self._spool.names()[-1:]]
        if self._ledger and (newest := self._ledger.startup_state.newest_id):
            known.append(newest)
        return max((_micros(FrameId(name)) for name in known), default=0)

    def _stop(self, notifier: Notifier, watcher: Supervisor) -> None:
        notifier.send("STOPPING=1")
        stuck = self._workers.shut_down(STOP_S)
        if stuck:
            LOG.error("did not end within %g s: %s", STOP_S, ", ".join(stuck))
        self.note("stopped", "told to stop" if watcher.told_to_stop else "on a fault")
        watcher.ended(stuck)
        for output in (self.journal, *self._dependencies.outputs):
            output.close()


def _only_camera(settings: Settings) -> str | None:
    names = [each.name for each in settings.camera] or [INCOMING]
    return names[0] if len(names) == 1 else None


def _micros(frame: FrameId) -> int:
    try:
        return frame_id_micros(frame)
    except ValueError:
        return 0
