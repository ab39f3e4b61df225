"""Signs of life: every worker beats, and the one that falls silent has a name."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


class Heartbeat:
    """One worker's sign of life. `beat()` is called by the worker, `age_s` by whoever watches.

    `deadline_s` is the longest that the worker may be silent in any of its steps.
    """

    __slots__ = ("_last", "_usual_s", "deadline_s", "name")

    def __init__(self, name: str, deadline_s: float) -> None:
        self.name = name
        self.deadline_s = self._usual_s = deadline_s
        self._last: float | None = time.monotonic()

    def beat(self, then_silent_s: float = 0.0) -> None:
        """I am alive; my next step may take `then_silent_s` (seconds), if that is more than my
        deadline.
        """
        self.deadline_s = max(self._usual_s, then_silent_s)
        self._last = time.monotonic()

    def end(self) -> None:
        """I have ended: my silence means nothing any more."""
        self._last = None

    @property
    def age_s(self) -> float:
        """Seconds since the last sign of life; 0 at rest."""
        last = self._last
        return 0.0 if last is None else time.monotonic() - last


@dataclass(frozen=True, slots=True)
class Silence:
    """A worker, how long it has been silent, and for how long it may be (seconds)."""

    name: str
    age_s: float
    deadline_s: float


class Heartbeats:
    """The beats of all workers. Safe from any thread."""

    def __init__(self) -> None:
        self._heartbeats: list[Heartbeat] = []
        self._lock = threading.Lock()

    def add(self, name: str, deadline_s: float) -> Heartbeat:
        """A beat for a new worker."""
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
        """The workers over their deadline, the most silent first."""
        late = [each for each in self.all() if each.age_s > each.deadline_s]
        return sorted(late, key=lambda silence: -silence.age_s)
