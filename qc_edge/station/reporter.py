"""Puts the station's state together for whoever looks at it; reads everything, changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from qc_edge.capture.capture import Capture
from qc_edge.challenge.challenges import Challenges
from qc_edge.domain.events import EventLog
from qc_edge.inspection.statistics import Statistics
from qc_edge.intake.arrivals import Arrivals
from qc_edge.intake.lanes import Lane
from qc_edge.output.line_output import OutputStatus
from qc_edge.recipe.changeover.follower import ChangeoverFollower
from qc_edge.recipe.model_activation import ModelActivator
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.rules import Rules
from qc_edge.retention.cleaner import Cleaner
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.heartbeat import Heartbeats
from qc_edge.service.remote.file_server import FileServer
from qc_edge.settings import Settings, StationPaths
from qc_edge.shadow.shadow import Shadow
from qc_edge.station.discipline.control_watch import ControlWatch
from qc_edge.station.discipline.due_watch import DueWatch
from qc_edge.station.reload import Reload
from qc_edge.station.status import CameraStatus, Status, ViewStatus
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.disk_trend import AMBER_DAYS
from qc_edge.upstream.age import SyncAge
from qc_edge.version import __version__


class LineReports(Protocol):
    """The outputs that talk to lines. `station.line.outputs` fulfils it."""

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """How each of them is."""

    def report(self, status: Status, rules: Rules | None) -> None:
        """Tell every line how the station is."""


class Reporter:
    """Collects the station's status. Called by the main thread, which sets `trouble`; the other
    attributes are set as the parts of the station are built.
    """

    def __init__(
        self, settings: Settings, disk_monitor: DiskMonitor, heartbeats: Heartbeats
    ) -> None:
        self.settings = settings
        self._disk_monitor = disk_monitor
        self._heartbeats = heartbeats
        self._started_at = utc_now()
        self.clock: FrameClock | None = None
        self.statistics: Statistics | None = None
        self.arrivals: Arrivals | None = None
        self.file_server: FileServer | None = None
        self.captures: Sequence[Capture] = ()
        self.rulebook: RuleBook | None = None
        self.models: ModelActivator | None = None
        self.recipes: ChangeoverFollower | None = None
        self.reload: Reload | None = None
        self.outputs: LineReports | None = None
        self.challenges: Challenges | None = None
        self.trouble = "starting"
        self.is_complete = False
        """Settings, log, model, engine and rules are there; cameras may be missing."""
        self.waits_for_room = False
        self.waits_for_spool = False
        """The log or the rules wait for room on the disk, with all else of the start behind."""
        self.mended: tuple[str, ...] = ()
        self.shadow: Shadow | None = None
        self.control: ControlWatch | None = None
        self.due: DueWatch | None = None
        self.sync_age: SyncAge | None = None
        self.cleaner: Cleaner | None = None

    @property
    def is_up(self) -> bool:
        """The start is over, as far as it can come: what is missing now comes from outside."""
        return self.is_complete or self.waits_for_room or self.waits_for_spool

    def charts(self, paths: StationPaths, events: EventLog) -> ControlWatch:
        """The control charts, whose alarms are in the status from now on."""
        self.due = DueWatch(paths, lambda: self.settings)
        self.control = ControlWatch(paths, lambda: self.settings.spc, events, [self.due.look])
        return self.control

    def held_for(self, now: datetime) -> str:
        """What is past its date and holds every part; empty if nothing does."""
        return self.due.held_for(now) if self.due else ""

    def sync_age_s(self) -> float | None:
        """Seconds since everything that was due went upstream; None if never."""
        return self.sync_age.seconds() if self.sync_age else None

    def status(self) -> Status:
        """The status of the station at this moment."""
        now = utc_now()
        behind = self._behind()
        troubles = self._troubles(behind)
        rules = self.rulebook.rules if self.rulebook else None
        arrivals, statistics = self.arrivals, self.statistics
        monitor = self._disk_monitor
        return Status(
            station=self.settings.station.name,
            pid=os.getpid(),
            version=__version__,
            roles=tuple(map(str, self.settings.station.roles)),
            at=now.isoformat(timespec="milliseconds"),
            monotonic_ns=time.monotonic_ns(),
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            ready=not troubles,
            troubles=tuple(troubles),
            warnings=self._warnings(),
            spool_depth=arrivals.depth if arrivals else 0,
            spool_oldest_s=round(arrivals.oldest_age_s(), 3) if arrivals else 0.0,
            live_waiting=arrivals.waiting(Lane.LIVE) if arrivals else 0,
            backlog_waiting=arrivals.waiting(Lane.BACKLOG) if arrivals else 0,
            behind=behind,
            disk=", ".join(filter(None, [monitor.description, monitor.forecast])),
            upstream=self.sync_age.words() if self.sync_age else "",
            clock=self.clock.trust if self.clock else "",
            cameras=tuple(CameraStatus.of(capture.state) for capture in self.captures),
            time_zone=self.settings.station.time_zone,
            today=statistics.today(now) if statistics else None,
            shift=statistics.shift(now) if statistics else None,
            latency=statistics.latency() if statistics else None,
            last_part=statistics.last_part() if statistics else None,
            model=rules.bundle.reference if rules else None,
            model_sha256=rules.bundle.sha256 if rules else None,
            model_reason=rules.active_model.why if rules else None,
            model_news=self.models.progress.news if self.models else "",
            recipe=rules.recipe if rules else None,
            recipe_reason=rules.recipe_in_force.changeover.words
            if rules and rules.recipe_in_force
            else None,
            recipe_news=self.recipes.progress.news if self.recipes else "",
            recipes_resident=self.recipes.resident if self.recipes else (),
            engine=f"{rules.engine.backend} {rules.engine.version}" if rules else None,
            engine_reason=rules.engine.reason if rules else None,
            threshold=rules.threshold.value if rules else None,
            threshold_id=rules.threshold.threshold_id if rules else None,
            views=tuple(map(ViewStatus.of, rules.views.values())) if rules else (),
            calibrations=rules.calibrations_due(self.clock.judging_now() if self.clock else now)
            if rules
            else (),
            mended=self.mended,
            shadow=self.shadow.status if self.shadow else None,
            reload=self.reload.answer if self.reload else None,
            outputs=self.outputs.statuses if self.outputs else (),
            challenge=self.challenges.state if self.challenges else None,
        )

    def tell_lines(self, status: Status) -> None:
        """Tell the lines at the outputs how the station is."""
        if self.outputs:
            self.outputs.report(status, self.rulebook.rules if self.rulebook else None)

    def _learning(self) -> Iterator[str]:
        """A line for each camera whose parts are all held, to learn how they look."""
        if self.rulebook is None or self.statistics is None:
            return
        for camera, record in self.rulebook.rules.calibrations.items():
            if record.learning is not None:
                seen = self.statistics.seen(record.calibration_id)
                command = f"qc-edge calibrate {self.settings.station.name} --camera {camera}"
                yield (
                    f"camera {camera} has learned, every part is still held: {command} --by YOU"
                    if seen >= record.learning
                    else f"camera {camera} is learning, every part is held: {seen:,} of "
                    f"{record.learning:,} frames seen since the start"
                )

    def _warnings(self) -> tuple[str, ...]:
        """What somebody should look at, though parts are judged."""
        refused = self.reload.refused if self.reload else ""
        of_arrivals = self.arrivals.warnings if self.arrivals else ()
        of_outputs = [
            f"output {output.name}: {trouble}"
            for output in (self.outputs.statuses if self.outputs else ())
            if (trouble := output.trouble or output.line_trouble)
        ]
        late = self.sync_age and self.sync_age.is_overdue
        of_sync = [f"upstream: {self.sync_age.words()}"] if self.sync_age and late else []
        days = self._disk_monitor.days_left
        is_amber = days is not None and days < AMBER_DAYS
        of_disk = [f"disk {self._disk_monitor.forecast}"] if is_amber else []
        of_charts = self.control.warnings if self.control else []
        return (
            *filter(None, [refused]),
            *self._learning(),
            *of_disk,
            *of_arrivals,
            *of_sync,
            *of_outputs,
            *of_charts,
            *(self.due.warnings() if self.due else ()),
        )

    def _behind(self) -> str:
        """How far the inspection is behind the line; empty if live parts are told in time."""
        if self.arrivals is None or self.statistics is None:
            return ""
        deadline_s = self.settings.station.deadline_ms / 1e3
        is_late = self.arrivals.oldest_age_s(Lane.LIVE) > deadline_s
        if not is_late and not self.statistics.timeliness.is_behind():
            return ""
        depth, oldest_s = self.arrivals.depth, self.arrivals.oldest_age_s()
        return f"behind the line: {depth:,} waiting, oldest {oldest_s:.0f} s"

    def _troubles(self, behind: str) -> list[str]:
        """What keeps the station from being ready, the gravest first."""
        troubles = [
            f"{silence.name} silent for {silence.age_s:.0f} s (deadline {silence.deadline_s:.0f} s)"
            for silence in self._heartbeats.silent()
        ]
        if self.file_server and (lost := self.file_server.trouble):
            troubles.append(lost)
        if self._disk_monitor.space is DiskSpace.NONE:
            troubles.append(f"HOLD: disk, {self._disk_monitor.description}")
        if behind and self.statistics and self.statistics.timeliness.is_lost():
            troubles.append(f"{behind}, no part is told in time")
        troubles += [
            _of_camera(capture.state.name, capture.state.detail)
            for capture in self.captures
            if not capture.state.connected or capture.silent
        ]
        if self.models and self.models.progress.trouble:
            troubles.append(self.models.progress.trouble)
        if self.recipes and self.recipes.progress.trouble:
            troubles.append(self.recipes.progress.trouble)
        if self.challenges and self.challenges.state.trouble:
            troubles.append(self.challenges.state.trouble)
        troubles += self.due.troubles() if self.due else []
        return troubles + ([self.trouble] if self.trouble else [])


def _of_camera(name: str, detail: str) -> str:
    """The driver's own words often name the camera already."""
    return detail if detail.startswith(f"camera {name}") else f"camera {name}: {detail}"
