"""The main thread's work: signs of life, systemd, the status file, reload and stop."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from typing import Protocol

from qc_edge.domain.calibration import Calibration
from qc_edge.errors import QcEdgeError, WorkerStuckError
from qc_edge.inspection.inspector import Inspector
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.recipe.rules import Rules
from qc_edge.service.logs import LOG, log_line
from qc_edge.service.notify import Notifier
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.change import apply_live, split_changes
from qc_edge.station.reporter import Reporter
from qc_edge.station.status import Status
from qc_edge.store.durable import store_error

_LOOK_S = 0.5
_STATUS_S = 1.0
_START_USEC = 60_000_000
"""While it starts, a station that is alive asks systemd for this much more time, again and again.
"""
_PATIENCE = 2.0
"""Without systemd's watchdog, a worker silent for this many deadlines ends the process."""


class Supervised(Protocol):
    """What the supervisor needs of a station."""

    paths: StationPaths
    settings: Settings
    inspector: Inspector | None
    rulebook: RuleBook

    def apply(self, settings: Settings, rules: Rules | None) -> None:
        """Run on these from the next frame on."""

    def follow_records(self) -> None:
        """Take up records that are new or whose time has come."""

    def note(
        self, kind: str, detail: str, before: str | None = None, after: str | None = None
    ) -> None:
        """Write an event."""


class Supervisor:
    """Runs on the thread that calls `Station.run`. `on_status` sees each status that is written."""

    def __init__(self, on_status: Callable[[Status], None] | None = None) -> None:
        self._on_status = on_status
        self.stuck: list[str] = []
        self._stopping = False
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._reload = False
        self._ready = False
        self._silent: set[str] = set()
        self._written = 0.0
        self._unwritable = False

    def attach(
        self, station: Supervised, workers: WorkerPool, reporter: Reporter, notifier: Notifier
    ) -> None:
        """Called by the station once these exist."""
        self._station, self._workers, self._reporter, self._notifier = (
            station,
            workers,
            reporter,
            notifier,
        )

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads. Only from the main thread of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.reload())

    def stop(self) -> None:
        """Tell the station to stop. From any thread, or a signal handler."""
        self._stopping = True
        self._bell.put(None)

    @property
    def told_to_stop(self) -> bool:
        """False if the station ends for another reason: a fault."""
        return self._stopping

    def reload(self) -> None:
        """Tell the station to read its settings again. From any thread, or a signal handler."""
        self._reload = True
        self._bell.put(None)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a part of the start; a stop ends the wait, a failed worker raises."""
        while not condition() and not self._stopping:
            self._workers.changed.wait(0.05)
            self._look()

    def pause(self, seconds: float) -> bool:
        """Wait while the station cannot start; True if it was told to stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_told_within(0.2):
            self._look()
        return self._stopping

    def watch(self) -> None:
        """Until told to stop. Raises the fault of a failed worker, WorkerStuckError for a silent
        one.
        """
        self._reporter.trouble = ""
        while not self._is_told_within(_LOOK_S if self._ready else 0.05):
            self._look()
            self._station.follow_records()
            if self._reload:
                self._reload = False
                self._do_reload()

    def ended(self, stuck: list[str]) -> None:
        """The workers have been dismissed, but for those that are stuck: write the last status."""
        self.stuck = stuck
        self._reporter.trouble = f"stopped; did not end: {', '.join(stuck)}" if stuck else "stopped"
        self._report(force=True)

    def _is_told_within(self, seconds: float) -> bool:
        """True if told to stop. A signal handler may ring this bell; with an Event it could
        deadlock.
        """
        if not self._stopping:
            with contextlib.suppress(queue.Empty):
                self._bell.get(timeout=seconds)
        return self._stopping

    def _look(self) -> None:
        if self._workers.failures:
            failure = self._workers.failures[0]
            if isinstance(failure.fault, OSError):
                raise store_error(
                    failure.fault, f"{failure.worker} cannot go on"
                ) from failure.fault
            raise failure.fault
        silent = self._workers.heartbeats.silent()
        for silence in silent:
            if silence.name not in self._silent:
                words = (
                    f"{silence.name} has been silent for {silence.age_s:.0f} s, no more "
                    "watchdog signals"
                )
                log_line(logging.ERROR, words, event="silent")
            if silence.age_s > _PATIENCE * silence.deadline_s:
                raise WorkerStuckError(
                    f"{silence.name} has been silent for {silence.age_s:.0f} s, "
                    f"expected a sign of life every {silence.deadline_s:.0f} s",
                    hint="the process ends and is restarted; frames in the spool are inspected "
                    "then",
                )
        self._silent = {silence.name for silence in silent}
        if not silent:
            self._notifier.send("WATCHDOG=1")
        self._report(alive=not silent)

    def _report(self, *, force: bool = False, alive: bool = False) -> None:
        now = time.monotonic()
        if not force and self._ready and now - self._written < _STATUS_S:
            return
        status = self._reporter.status()
        if status.ready and not self._ready:
            self._ready = True
            LOG.info("%s", status.line())
            self._notifier.send("READY=1")
            force = True
        if not force and now - self._written < _STATUS_S:
            return
        self._written = now
        if alive and not self._ready:
            self._notifier.send(f"EXTEND_TIMEOUT_USEC={_START_USEC}")
        self._notifier.status(status.line())
        self._write(status)
        if self._on_status:
            self._on_status(status)

    def _write(self, status: Status) -> None:
        path = self._station.paths.status
        temporary = path.with_suffix(".new")
        try:
            temporary.write_bytes(status.to_json())
            os.replace(temporary, path)  # noqa: PTH105
            self._unwritable = False
        except OSError as fault:
            if not self._unwritable:
                LOG.error("cannot write %s: %s", path, fault.strerror)
            self._unwritable = True

    def _do_reload(self) -> None:
        """Take over what can change live, keep the rest, and say which; a bad file changes
        nothing.
        """
        station, inspector = self._station, self._station.inspector
        if self._ready:
            self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            wanted = load_settings(station.paths.settings)
            applied, waiting = split_changes(station.settings, wanted)
            settings = apply_live(station.settings, wanted)
            rules = station.rulebook.reload(settings, inspector.rules) if inspector else None
        except QcEdgeError as fault:
            station.note("settings_refused", f"the old settings stay in force: {fault}")
        else:
            before = inspector.rules if inspector else None
            station.apply(settings, rules)
            for change in applied:
                station.note("settings", str(change), str(change.before), str(change.after))
            for change in waiting:
                LOG.warning("reload: needs a restart: %s", change)
            if before and rules:
                self._note_calibrations(before, rules)
            if not applied and not waiting:
                LOG.info("reload: the settings are as before")
        if self._ready:
            self._notifier.send("READY=1")

    def _note_calibrations(self, before: Rules, after: Rules) -> None:
        for camera, record in after.calibrations.items():
            old: Calibration | None = before.calibrations.get(camera)
            if old is None or old.calibration_id != record.calibration_id:
                words = (
                    f"{camera}: {record.calibration_id} by {record.made_by}, due "
                    f"{record.due_at:%Y-%m-%d}"
                )
                self._station.note(
                    "calibration", words, old.calibration_id if old else None, record.calibration_id
                )
