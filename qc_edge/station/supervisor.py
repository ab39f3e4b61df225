"""The main thread's work: signs of life, systemd, the status file, reload and stop."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import QcEdgeError, StoreError, WorkerStuckError
from qc_edge.recipe.in_force import waiting_for_log
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.service.logs import LOG, log_line
from qc_edge.service.notify import Notifier
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.change import SettingChange, apply_live, split_changes
from qc_edge.station.reporter import Reporter
from qc_edge.station.status import Status
from qc_edge.store.durable import store_error
from qc_edge.store.log.event_log import StationEventLog

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
    events: StationEventLog

    @property
    def rulebook(self) -> RuleBook | None:
        """The rules in force; None before there are any."""

    def apply(self, settings: Settings, changes: Sequence[SettingChange]) -> None:
        """Run on these settings from the next frame on, once their events are durable."""


class Supervisor:
    """Watches over a station, on the thread that calls `Station.run`.

    `on_status` is called with each status that is written.
    """

    def __init__(self, on_status: Callable[[Status], None] | None = None) -> None:
        self._on_status = on_status
        self.stuck: list[str] = []
        self._stopping = False
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._reload = False
        self._must_read = False
        """The settings are to be read: a reload asked for it, and the log has not taken it yet."""
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
            self._station.events.write_waiting()
            told_to_reload, self._reload = self._reload, False
            if told_to_reload and self._ready:
                usec = time.monotonic_ns() // 1000
                self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={usec}")
            self._must_read |= told_to_reload
            self._take_up_changes()
            if told_to_reload and self._ready:
                # Also if the change waits for the log: the status says that.
                self._notifier.send("READY=1")

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

    def _take_up_changes(self) -> None:
        """Threshold records whose time has come, and the settings if a reload asks for it.

        What the log does not take is not in force: it is tried again at the next look.
        """
        try:
            # Records first: a reload that the log refuses must not hold up a threshold whose
            # time has come.
            if self._station.rulebook:
                self._station.rulebook.follow()
            if self._must_read:
                self._read_settings()
                self._must_read = False
        except StoreError as fault:
            trouble = waiting_for_log(fault)
            if trouble != self._reporter.trouble:
                LOG.error("%s", trouble)
            self._reporter.trouble = trouble
        else:
            self._reporter.trouble = ""

    def _read_settings(self) -> None:
        """Take over what can change live, keep the rest, and say which; a bad file changes nothing.

        Raises StoreError if the log does not take the events; then the old settings stay.
        """
        station = self._station
        try:
            read = load_settings(station.paths.settings)
            applied, waiting = split_changes(station.settings, read)
            station.apply(apply_live(station.settings, read), applied)
        except StoreError:
            raise
        except QcEdgeError as fault:
            detail = f"the old settings stay in force: {fault}"
            station.events.report(Occurrence(EventKind.SETTINGS_REFUSED, detail))
            return
        for change in waiting:
            LOG.warning("reload: needs a restart: %s", change)
        if not applied and not waiting:
            LOG.info("reload: the settings are as before")
