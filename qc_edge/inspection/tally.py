"""What the station has done, for whoever looks: today's counts, latency, the last part."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.inspection import Inspection
from qc_edge.store.startup_state import DayCounts

_RECENT = 2000

Seen = Callable[[Inspection, float, bool], None]
"""(inspection, milliseconds from exposure to announcement, counts as latency): a part was
announced.
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from exposure to announcement over the last frames; None before the first."""

    frames: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class LastPart:
    """The part that was announced last."""

    part_id: str
    frame_id: str
    verdict: str
    disposition: str
    reason: str
    detail: str
    score: float | None


class Tally:
    """Written by the inspector, read by anyone. `seen` is told of every part on the inspector's
    thread.
    """

    def __init__(self, today: DayCounts, day: datetime, seen: Seen = lambda *_: None) -> None:
        self._lock = threading.Lock()
        self._day = day.date()
        self._verdicts: Counter[str] = Counter(today.verdicts)
        self._reasons: Counter[str] = Counter(today.reasons)
        self._held, self._lost = today.held, today.lost
        self._ages: deque[float] = deque(maxlen=_RECENT)
        self.last: Inspection | None = None
        self.inspected = 0
        self._seen = seen

    def add(self, inspection: Inspection, announced_ms: float, counts_as_latency: bool) -> None:
        """One more part was announced `announced_ms` after its exposure."""
        with self._lock:
            self._turn(inspection.recorded_at)
            self._verdicts[inspection.verdict] += 1
            if inspection.verdict == "INVALID":
                self._reasons[inspection.reason] += 1
            self._held += inspection.disposition == "HOLD"
            self.inspected += 1
            self.last = inspection
            if counts_as_latency:
                self._ages.append(announced_ms)
        self._seen(inspection, announced_ms, counts_as_latency)

    def last_part(self) -> LastPart | None:
        """The last part, None before the first."""
        last = self.last
        if last is None:
            return None
        reason = last.hold_reason or last.reason
        return LastPart(
            last.part_id,
            last.frame_id,
            last.verdict,
            last.disposition,
            reason,
            last.detail,
            last.score,
        )

    def lose(self, frames: int, now: datetime) -> None:
        """So many frames are known to be lost."""
        with self._lock:
            self._turn(now)
            self._lost += frames

    def today(self, now: datetime) -> DayCounts:
        """The counts of the UTC day of `now`."""
        with self._lock:
            self._turn(now)
            return DayCounts(dict(self._verdicts), dict(self._reasons), self._held, self._lost)

    def latency(self) -> Latency:
        """The latency of recent frames, those that were recovered or dropped left out."""
        with self._lock:
            ages = sorted(self._ages)
        return Latency(len(ages), _at(ages, 0.5), _at(ages, 0.99), ages[-1] if ages else None)

    def _turn(self, now: datetime) -> None:
        if now.date() != self._day:
            self._day = now.date()
            self._verdicts.clear()
            self._reasons.clear()
            self._held = self._lost = 0


def _at(ages: Sequence[float], share: float) -> float | None:
    return ages[min(len(ages) - 1, int(len(ages) * share))] if ages else None
