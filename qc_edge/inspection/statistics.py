"""What the station has done, for status and metrics: today's counts, latency, the last part."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qc_edge.domain.inspection import Inspection
from qc_edge.store.startup_state import DayCounts

_RECENT_FRAMES = 2000


class PartMeter(Protocol):
    """Whoever counts announced parts as well: the metrics. Called on the inspector's thread."""

    def announced(
        self, inspection: Inspection, announced_ms: float, counts_as_latency: bool
    ) -> None:
        """A part was announced `announced_ms` milliseconds after its exposure; must not wait."""


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


class Statistics:
    """Counts of the day and recent latencies: written by the inspector, read from any thread.

    `today` are the counts of the day `day` that the log has already; `meter` counts along.
    """

    def __init__(self, today: DayCounts, day: datetime, meter: PartMeter) -> None:
        self._lock = threading.Lock()
        self._day = day.date()
        self._verdicts: Counter[str] = Counter(today.verdicts)
        self._reasons: Counter[str] = Counter(today.reasons)
        self._held, self._lost = today.held, today.lost
        self._ages_ms: deque[float] = deque(maxlen=_RECENT_FRAMES)
        self._meter = meter
        self.last: Inspection | None = None
        self.inspected = 0

    def add_part(
        self, inspection: Inspection, announced_ms: float, counts_as_latency: bool
    ) -> None:
        """One more part was announced `announced_ms` milliseconds after its exposure."""
        with self._lock:
            self._start_day(inspection.recorded_at)
            self._verdicts[inspection.verdict] += 1
            if inspection.verdict == "INVALID":
                self._reasons[inspection.reason] += 1
            self._held += inspection.disposition == "HOLD"
            self.inspected += 1
            self.last = inspection
            if counts_as_latency:
                self._ages_ms.append(announced_ms)
        self._meter.announced(inspection, announced_ms, counts_as_latency)

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

    def add_lost(self, frames: int, now: datetime) -> None:
        """So many more frames are known to be lost."""
        with self._lock:
            self._start_day(now)
            self._lost += frames

    def today(self, now: datetime) -> DayCounts:
        """The counts of the UTC day of `now`."""
        with self._lock:
            self._start_day(now)
            return DayCounts(dict(self._verdicts), dict(self._reasons), self._held, self._lost)

    def latency(self) -> Latency:
        """The latency of recent frames, those left out that were recovered or whose age is
        unknown.
        """
        with self._lock:
            ages = sorted(self._ages_ms)
        longest = ages[-1] if ages else None
        return Latency(len(ages), _quantile(ages, 0.5), _quantile(ages, 0.99), longest)

    def _start_day(self, now: datetime) -> None:
        """Start the counts anew if `now` is of another UTC day than the last call."""
        if now.date() != self._day:
            self._day = now.date()
            self._verdicts.clear()
            self._reasons.clear()
            self._held = self._lost = 0


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
