"""The station: builds every object in order, by hand, and runs until it is told to stop.

Read `Station.run` and you know the program. It decides nothing about parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from qc_edge.capture.capture import Capture
from qc_edge.capture.recorder import CaptureTarget
from qc_edge.capture.torn import report_torn
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.inspection.inspector import Inspector
from qc_edge.labels.holds.taking_up import HoldTaker
from qc_edge.labels.taking_up import LabelTaker
from qc_edge.publish.publisher import Publisher
from qc_edge.publish.qa_database import QaDatabase
from qc_edge.publish.worker import PublishWorker
from qc_edge.recipe.in_force import describe_start
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.retention.cleaner import Cleaner
from qc_edge.service.clock import FrameClock, boot_id, utc_now
from qc_edge.service.known_time import NOTHING_RECORDED
from qc_edge.service.lock import StationLock
from qc_edge.service.logs import LOG
from qc_edge.service.notify import Notifier
from qc_edge.service.start_signs import StartSigns
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import Role, Settings, StationPaths, load_settings
from qc_edge.settings.change import SettingChange
from qc_edge.station.anchoring import Anchoring, JournaldSink
from qc_edge.station.dependencies import Dependencies, StationParts
from qc_edge.station.disk_start import open_disk
from qc_edge.station.housekeeping import Housekeeping, IdleWork
from qc_edge.station.inspect_role import InspectRole
from qc_edge.station.line.outputs import StationOutputs
from qc_edge.station.log_start import newest_frame_id, newest_frame_id_below, open_ledger
from qc_edge.station.meter import Meter
from qc_edge.station.notices import NoticeFollower
from qc_edge.station.reporter import Reporter
from qc_edge.station.spool_start import open_spool
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.compression import Compressor
from qc_edge.store.directories import make_directories
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.torn_files import TornFiles
from qc_edge.upstream.age import SyncAge

STOP_S = 4.0
"""Workers end within this time; the whole stop takes at most 5 s."""


class Station:
    """One station. `run` returns after a stop and raises QcEdgeError on a fault of the station."""

    def __init__(self, root: Path, name: str, dependencies: Dependencies | None = None) -> None:
        """Read the settings. Raises SettingsError with every fault in them."""
        self.paths = StationPaths(root, name)
        self.settings = load_settings(self.paths.settings)
        self._dependencies = dependencies or Dependencies()
        self._boot = boot_id()
        self._workers = WorkerPool()
        self._meter = Meter(camera.name for camera in self.settings.camera)
        self._outputs = StationOutputs(self.settings, self._dependencies.outputs)
        self._anchoring: Anchoring | None = None
        self._inspect_role: InspectRole | None = None
        self._publication: PublishWorker | None = None
        self._qa_database: QaDatabase | None = None
        self._reporter: Reporter | None = None
        self.notices: NoticeFollower | None = None
        self.captures: list[Capture] = []

    @property
    def rulebook(self) -> RuleBook | None:
        """The rules in force; None before there are any, and where only cameras are captured."""
        return self._inspect_role.rulebook if self._inspect_role else None

    @property
    def inspector(self) -> Inspector | None:
        """None before frames are inspected, and where only cameras are captured."""
        return self._inspect_role.inspector if self._inspect_role else None

    def run(self, supervisor: Supervisor | None = None) -> None:
        """Start in order, watch over it, stop in reverse order."""
        settings, paths, disk = self.settings, self.paths, self._dependencies.disk
        roles, workers, notifier = settings.station.roles, self._workers, Notifier()
        supervisor = supervisor or Supervisor()
        with ExitStack() as stack:
            start_signs = stack.enter_context(StartSigns(notifier))
            make_directories((paths.state, paths.run))
            locks = [stack.enter_context(StationLock(paths.lock(role))) for role in roles]
            self._disk_monitor = DiskMonitor(paths.state, disk, settings.storage)
            self._reporter = reporter = Reporter(settings, self._disk_monitor, workers.heartbeats)
            reporter.sync_age = SyncAge(paths.upstream, lambda: self.settings.upstream.url)
            supervisor.attach(self, workers, reporter, notifier)
            if settings.metrics.listen != "none":
                self._serve_metrics(reporter)

            if not open_disk(paths, locks, supervisor, self._disk_monitor, reporter):
                return
            given = self._dependencies
            if (spool := open_spool(given, paths, workers, supervisor, reporter)) is None:
                return
            ledger: Ledger | None = None
            if Role.INSPECT in roles:
                ledger = open_ledger(paths, disk, supervisor, self._disk_monitor, reporter)
                if ledger is None:
                    return
                # What is entered first ends last: workers stop, the rest is published, the log is
                # closed, and only then may another process take the locks and open the log.
                stack.callback(ledger.close)
                self._anchoring = Anchoring(settings, lambda: ledger.head, [JournaldSink()])
                stack.callback(self._anchoring.anchor)
            # Before anything gets an id: events and frames must sort behind those of the last run.
            clock = FrameClock(
                paths.state / "frame-clock",
                newest_frame_id(spool, ledger),
                recorded=ledger.startup_state.recorded if ledger else NOTHING_RECORDED,
                newest_below=partial(newest_frame_id_below, spool, ledger),
            )
            reporter.clock = clock
            self.events = StationEventLog(settings.station.name, clock, spool, ledger)
            if ledger:
                self.notices = NoticeFollower(paths, self.events, disk)
                stack.callback(self._start_publishing(ledger, clock).finish)
                workers.start("spc", 40 * given.patience_s, reporter.charts(paths, self.events).run)
            stack.callback(self._stop, notifier, supervisor)

            parts = StationParts(
                paths,
                settings,
                self._dependencies,
                self._boot,
                workers,
                self._meter,
                reporter,
                self._disk_monitor,
                spool,
                clock,
            )
            if ledger:
                self._inspect_role = InspectRole(parts, ledger, self.events, self._outputs)
                self._inspect_role.start(supervisor)
            if Role.CAPTURE in roles:
                # First the losses of the last run: a capture writes into the same directory.
                report_torn(TornFiles(paths, disk), settings.station.name, self.events)
                self._start_captures(parts)
            workers.start("janitor", given.patience_s, self._janitor(parts, ledger).run)
            rules = self.rulebook.rules if self.rulebook else None
            self.events.report(Occurrence(EventKind.STARTED, describe_start(roles, rules)))
            start_signs.end()
            supervisor.watch()

    def apply(self, settings: Settings, changes: Sequence[SettingChange]) -> None:
        """Run on these from the next frame on; frames in hand keep what they began with.

        Raises CalibrationError, ThresholdError, or StoreError if the log does not take the events
        of `changes`; then nothing has changed.
        """
        if self.rulebook:
            self.rulebook.reload(settings)
        else:
            # A process that only captures has no rules, but events of its settings all the same.
            kind = EventKind.SETTINGS
            told = [Occurrence(kind, str(c), str(c.before), str(c.after)) for c in changes]
            self.events.record(told)
        calendar, before = settings.station.calendar, self.settings.station.calendar
        self.settings = settings
        if self._reporter:
            self._reporter.settings = settings
            if self._reporter.statistics and calendar != before:
                self._reporter.statistics.recount(calendar, utc_now())
        self._disk_monitor.limits = settings.storage
        self._outputs.apply(settings)
        LOG.setLevel(settings.log.level.upper())
        if self._inspect_role:
            self._inspect_role.arrivals.incoming = settings.incoming
        if self._publication:
            self._publication.every_s = settings.storage.publish_every_s
        if self._qa_database:
            self._qa_database.calendar = calendar

    def _serve_metrics(self, reporter: Reporter) -> None:
        # Prometheus' client brings an HTTP client and TLS: a station without metrics does without.
        from qc_edge.station.metrics import MetricsCollector
        from qc_edge.station.metrics_server import MetricsServer

        ages = {"publish_lag": lambda: self._publication.lag_s if self._publication else None}
        figures = MetricsCollector(
            reporter, self._disk_monitor, self._workers.heartbeats, self._meter, ages
        )
        server = MetricsServer(self.settings.metrics.listen, self.paths.metrics, figures)
        self._workers.start("metrics", self._dependencies.patience_s, server.run)

    def _start_publishing(self, ledger: Ledger, clock: FrameClock) -> PublishWorker:
        """Before the first row: none may be recorded on a day that is sealed."""
        station, disk = self.settings.station, self._dependencies.disk
        patience = 4 * self._dependencies.patience_s
        publisher = Publisher(ledger, self.paths.published, disk, station.name, self.events)
        self._publication = PublishWorker(publisher, self.settings.storage.publish_every_s, clock)
        self._qa_database = QaDatabase(self.paths.qa, self.paths.published, station.calendar)
        self._workers.start("publisher", patience, self._publication.run)
        keep_views = partial(self._qa_database.run, ready=self._publication.ready)
        self._workers.start("qa", patience, keep_views)
        return self._publication

    def _start_captures(self, parts: StationParts) -> None:
        station, clock = parts.settings.station.name, parts.clock
        target = CaptureTarget(station, self._boot, clock, parts.spool, parts.disk_monitor)
        in_force = self.rulebook.rules if self.rulebook else parts  # a recipe says how they expose
        for camera in in_force.settings.camera:
            # Always by way of the spool: so its events stand among its frames in order.
            events = StationEventLog(station, parts.clock, parts.spool, None, camera.name)
            capture = Capture(camera, self._dependencies.connect_camera(camera), target, events)
            self.captures.append(capture)
            patience = 2 * self._dependencies.patience_s
            self._workers.start(f"capture-{camera.name}", patience, capture.run)
        parts.reporter.captures = self.captures

    def _janitor(self, parts: StationParts, ledger: Ledger | None) -> Housekeeping:
        arrivals, takers, idle = None, list[LabelTaker | HoldTaker](), list[IdleWork]()
        if self._inspect_role and ledger:
            arrivals, disk = self._inspect_role.arrivals, parts.dependencies.disk
            takers.append(LabelTaker(self.paths, ledger, self.events, parts.clock))
            takers.append(HoldTaker(self.paths, ledger, self.events))
            compress = Compressor(self.paths.evidence, disk).compress
            now = parts.clock.sealing_now
            cleaner = Cleaner(self.paths, ledger, disk, lambda: self.settings, now)
            parts.reporter.cleaner = cleaner
            idle.append(IdleWork(partial(compress, parts.settings.inspect.compress_after_s)))
            idle.append(IdleWork(cleaner.clean, makes_room=True))
        server, outputs = parts.spool.server, self._outputs
        looks = [each.look for each in (self._anchoring, *takers, outputs) if each]
        monitor, clock = parts.disk_monitor, parts.clock
        return Housekeeping(monitor, clock, self.events, arrivals, idle, server, looks)

    def _stop(self, notifier: Notifier, supervisor: Supervisor) -> None:
        notifier.send("STOPPING=1")
        if stuck := self._workers.shut_down(STOP_S):
            LOG.error("did not end within %g s: %s", STOP_S, ", ".join(stuck))
        why = "told to stop" if supervisor.told_to_stop else "on a fault"
        self.events.report(Occurrence(EventKind.STOPPED, why))
        supervisor.ended(stuck)
        self._outputs.close()
