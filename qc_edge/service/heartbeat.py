"""Heartbeats: every worker shows that it is alive, and one that falls silent is known by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


class Heartbeat:
    """The heartbeat of one worker, which calls `beat`; the main thread reads `age_s`.

    `deadline_s` is the longest that the worker may be silent in any of its steps. Without a lock:
    one thread writes, and assigning a float is atomic in CPython.
    """

    __slots__ = ("_last", "_usual_s", "deadline_s", "name")

    def __init__(self, name: str, deadline_s: float) -> None:
        self.name = name
        self.deadline_s = self._usual_s = deadline_s
        self._last: float | None = time.monotonic()

    def beat(self, then_silent_s: float = 0.0) -> None:
        """Show that the worker is alive.

        `then_silent_s`: how long its next step may take (s), if that is more than its deadline.
        """
        self.deadline_s = max(self._usual_s, then_silent_s)
        self._last = time.monotonic()

    def end(self) -> None:
        """The worker has ended: from now on its silence means nothing."""
        self._last = None

    @property
    def age_s(self) -> float:
        """Seconds since the last beat; 0 once the worker has ended."""
        last = self._last  # once: the worker may end between two looks
        return 0.0 if last is None else time.monotonic() - last


@dataclass(frozen=True, slots=True)
class Silence:
    """A worker, how long it has been silent, and for how long it may be (seconds)."""

    name: str
    age_s: float
    deadline_s: float


class Heartbeats:
    """The heartbeats of all workers. Safe from any thread."""

    def __init__(self) -> None:
        self._heartbeats: list[Heartbeat] = []
        self._lock = threading.Lock()
        self.excuses: Callable[[Silence], bool] = lambda _silence: False
        """Whether a worker may be silent because of somebody else: then it is not."""

    def add(self, name: str, deadline_s: float) -> Heartbeat:
        """A heartbeat for a new worker."""
        heartbeat = Heartbeat(name, deadline_s)
        with self._lock:
            self._heartbeats.append(heartbeat)
        return heartbeat

    def all(self) -> list[Silence]:
        """Every worker, and how long it has been silent."""
        with self._lock:
            return [
                Silence(heartbeat.name, heartbeat.age_s, heartbeat.deadline_s)
                for heartbeat in self._heartbeats
            ]

    def silent(self) -> list[Silence]:
        """The workers over their deadline without an excuse, the most silent first."""
        late = [
            worker
            for worker in self.all()
            if worker.age_s > worker.deadline_s and not self.excuses(worker)
        ]
        return sorted(late, key=lambda worker: -worker.age_s)
