"""The station's threads: each has a heartbeat, can be stopped, and ends the process if it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from qc_edge.service.heartbeat import Heartbeat, Heartbeats


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """The name of a worker that raised, and what it raised."""

    worker: str
    fault: BaseException


class WorkerPool:
    """All workers of a station. Used by the main thread, which waits for `changed`.

    A worker is a function `work(heartbeat, stop)` that returns soon after `stop` is set.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.changed = threading.Event()
        self.heartbeats = Heartbeats()
        self.failures: list[WorkerFailure] = []
        self._threads: list[threading.Thread] = []

    def start(
        self, name: str, deadline_s: float, work: Callable[[Heartbeat, threading.Event], None]
    ) -> None:
        """Start a worker that may be silent for `deadline_s` seconds at most."""
        heartbeat = self.heartbeats.add(name, deadline_s)
        # A daemon: a worker that hangs in a driver must not keep the process from ending.
        thread = threading.Thread(
            target=self._run, args=(name, heartbeat, work), name=name, daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def shut_down(self, timeout_s: float) -> list[str]:
        """Stop all workers and wait at most `timeout_s` for all of them together.

        Gives the names of those that did not end.
        """
        self.stop.set()
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _run(
        self, name: str, heartbeat: Heartbeat, work: Callable[[Heartbeat, threading.Event], None]
    ) -> None:
        try:
            work(heartbeat, self.stop)
        except BaseException as fault:  # noqa: BLE001 (the main thread raises it and ends the process)
            self.failures.append(WorkerFailure(name, fault))
            self.changed.set()
        finally:
            heartbeat.end()
