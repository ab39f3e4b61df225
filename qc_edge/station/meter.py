"""Counts what is announced, in plain numbers; never formats, never waits, knows no Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.told import ToldPart
from qc_edge.settings import INCOMING

BOUNDS_S = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""Upper bounds of the buckets (seconds): from one gate to a line that has long moved on."""

STEPS = ("wait", "read", "gates", "prepare", "infer", "evidence", "announce")
"""A frame's way. announce: from the decision to the line being told, its row in the journal with
it.
"""


@dataclass(frozen=True, slots=True)
class PartLabels:
    """What a part is counted under. `reason` is why it is held, else why the verdict is what it
    is.
    """

    camera: str
    verdict: str
    disposition: str
    reason: str


@dataclass(slots=True)
class DurationHistogram:
    """How long something took: frames for each bucket (the last is beyond all bounds), and seconds
    in all.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> Sequence[tuple[str, float]]:
        """(upper bound, frames at or below it), rising, as Prometheus wants them."""
        rows, below = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            below += count
            rows.append((bound, float(below)))
        return rows

    def copy(self) -> DurationHistogram:
        """A copy that nobody adds to."""
        return DurationHistogram(list(self.counts), self.seconds)


@dataclass(frozen=True, slots=True)
class MeterReading:
    """Everything counted since the station started, at one moment."""

    parts: dict[PartLabels, int]
    steps: dict[str, DurationHistogram]
    latency: DurationHistogram
    dispositions: dict[tuple[str, str], int]
    """Parts that several views see, by disposition and reason."""


class Meter:
    """Told of every announced part by the inspector's thread, asked by whoever scrapes.

    Frames of a camera that is not one of `cameras` count as incoming: names that other nodes give
    must not grow into endless series.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        self._cameras = frozenset(cameras)
        self._lock = threading.Lock()
        self._parts: Counter[PartLabels] = Counter()
        self._steps = {step: DurationHistogram() for step in STEPS}
        self._latency = DurationHistogram()
        self._dispositions: Counter[tuple[str, str]] = Counter()

    def announced(
        self, inspection: Inspection, announced_ms: float, counts_as_latency: bool
    ) -> None:
        """Count a part that the line was told of `announced_ms` after its exposure."""
        camera = inspection.camera if inspection.camera in self._cameras else INCOMING
        counted = PartLabels(
            camera,
            inspection.verdict,
            inspection.disposition,
            inspection.hold_reason or inspection.reason,
        )
        decided_ms = inspection.age_ms
        taken = (
            inspection.wait_ms,
            inspection.read_ms,
            inspection.gates_ms,
            inspection.prepare_ms,
            inspection.infer_ms,
            inspection.evidence_ms,
            None if decided_ms is None else max(0.0, announced_ms - decided_ms),
        )
        with self._lock:
            self._parts[counted] += 1
            for spread, ms in zip(self._steps.values(), taken, strict=True):
                if ms is not None:
                    spread.add(ms / 1e3)
            if counts_as_latency:
                self._latency.add(announced_ms / 1e3)

    def part_announced(self, told: ToldPart, announced_ms: float, counts_as_latency: bool) -> None:
        """Count a part that several views see, told so long after its first exposure."""
        with self._lock:
            self._dispositions[told.disposition, told.reason] += 1
            if counts_as_latency:
                self._latency.add(announced_ms / 1e3)

    def counts(self) -> MeterReading:
        """A copy of all counts."""
        with self._lock:
            steps = {step: spread.copy() for step, spread in self._steps.items()}
            return MeterReading(
                dict(self._parts), steps, self._latency.copy(), dict(self._dispositions)
            )
