"""The main thread's work: signs of life, systemd, the status file, reload and stop."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable

from qc_edge.errors import WorkerStuckError
from qc_edge.service.logs import LOG, log_line
from qc_edge.service.notify import Notifier
from qc_edge.service.start_signs import MORE_TIME_USEC
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.station.bell import Bell
from qc_edge.station.reload import Reload, Supervised
from qc_edge.station.reporter import Reporter
from qc_edge.station.status import Status
from qc_edge.store.disk_errors import store_error

_LOOK_S = 0.5
_STATUS_S = 1.0
_PATIENCE = 2.0
"""Without systemd's watchdog, a worker silent for this many deadlines ends the process."""


class Supervisor:
    """Watches over a station, on the thread that calls `Station.run`.

    `on_status` is called with each status that is written.
    """

    def __init__(self, on_status: Callable[[Status], None] | None = None) -> None:
        self._on_status = on_status
        self.stuck: list[str] = []
        self._stopping = False
        self._bell = Bell()
        self._told_to_reload = False
        self._started = False
        """systemd was told that the station runs; whether the line can go on is another matter."""
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
        self._reload = reporter.reload = Reload(station)

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads. Only from the main thread of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: self.reload())

    def stop(self) -> None:
        """Tell the station to stop. From any thread, or a signal handler."""
        self._stopping = True
        self._bell.ring()

    @property
    def told_to_stop(self) -> bool:
        """False if the station ends for another reason: a fault."""
        return self._stopping

    def reload(self) -> None:
        """Tell the station to read its settings again. From any thread, or a signal handler."""
        self._told_to_reload = True
        self._bell.ring()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a part of the start; a stop ends the wait, a failed worker raises."""
        while not condition() and not self._stopping:
            self._workers.changed.wait(0.05)
            self._look()

    def pause(self, seconds: float) -> bool:
        """Wait for room on the disk before the station can go on; True if it was told to stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_told_within(0.2):
            self._look()
        return self._stopping

    def watch(self) -> None:
        """Until told to stop. Raises the fault of a failed worker, WorkerStuckError for a silent
        one.
        """
        self._reporter.trouble = ""
        self._reporter.is_complete = True
        while not self._is_told_within(_LOOK_S if self._started else 0.05):
            self._look()
            self._station.events.write_waiting()
            told_to_reload, self._told_to_reload = self._told_to_reload, False
            if told_to_reload:
                usec = time.monotonic_ns() // 1000
                self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={usec}")
                self._reload.ask()
            trouble = self._reload.take_up_changes()
            if trouble and trouble != self._reporter.trouble:
                LOG.error("%s", trouble)
            self._reporter.trouble = trouble
            if told_to_reload:
                # Also if the change waits for the log, or was refused: the status says that.
                self._notifier.send("READY=1")
                self._report(force=True)

    def ended(self, stuck: list[str]) -> None:
        """The workers have been dismissed, but for those that are stuck: write the last status."""
        self.stuck = stuck
        self._reporter.trouble = f"stopped; did not end: {', '.join(stuck)}" if stuck else "stopped"
        self._report(force=True)

    def _is_told_within(self, seconds: float) -> bool:
        """True if told to stop, at once or within the time; a reload ends the wait as well."""
        if not self._stopping:
            self._bell.wait(seconds)
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
        if not force and self._started and now - self._written < _STATUS_S:
            return
        status = self._reporter.status()
        self._reporter.tell_lines(status)
        if not self._started and self._reporter.is_up:
            # Not when the line can go on: a camera that is off must not hold up a boot, an upgrade
            # or a `systemctl start` for as long as it is off (docs/decisions/0034).
            self._started = True
            LOG.info("%s", status.line())
            self._notifier.send("READY=1")
            force = True
        if not force and now - self._written < _STATUS_S:
            return
        self._written = now
        if alive and not self._started:
            self._notifier.send(f"EXTEND_TIMEOUT_USEC={MORE_TIME_USEC}")
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
