"""What the demo's station has announced, kept for the display.

An output like any other: it is called after the row of the part is committed, so the screen never
shows a verdict that is not in the log.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import Verdict

RECENT = 40
"""So many of the newest parts are kept, for the table."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One part that was announced.

    `latency_ms` is the time from its exposure to the announcement; None for a frame of another
    node, whose clock cannot be compared.
    """

    inspection: Inspection
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from exposure to announcement, over `frames` frames; None before the first."""

    frames: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class AnnouncedParts:
    """Everything announced so far: counts by verdict, INVALID by reason, the newest parts first."""

    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    recent: Sequence[Announcement]
    latencies: Latencies


class Announcements:
    """Keeps what is announced; written by the inspector's thread, read by the main one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._recent: deque[Announcement] = deque(maxlen=RECENT)
        self._latencies: list[float] = []

    def announce(self, told: ToldPart) -> None:
        """Keep one part; called by the station after the part's row is committed."""
        if not told.inspections:
            return  # half seen by a run before
        inspection = max(told.inspections, key=lambda each: each.score or 0.0)
        exposed = inspection.monotonic_ns
        latency = None if exposed is None else (time.monotonic_ns() - exposed) / 1e6
        with self._lock:
            self._verdicts[inspection.verdict] += 1
            if inspection.verdict is Verdict.INVALID:
                self._reasons[inspection.reason] += 1
            self._recent.appendleft(Announcement(inspection, latency))
            if latency is not None:
                self._latencies.append(latency)

    def close(self) -> None:
        """Nothing to release."""

    def snapshot(self) -> AnnouncedParts:
        """A copy of everything announced until now."""
        with self._lock:
            verdicts, reasons, recent = (
                dict(self._verdicts),
                dict(self._reasons),
                tuple(self._recent),
            )
            latencies = list(self._latencies)
        return AnnouncedParts(verdicts, reasons, recent, _summary(latencies))


def _summary(latencies: list[float]) -> Latencies:
    ordered = sorted(latencies)
    if not ordered:
        return Latencies(0, None, None, None)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return Latencies(len(ordered), p50, p99, ordered[-1])
