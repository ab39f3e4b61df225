"""What the station has done, for status and metrics: today's counts, latency, the last part."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.domain.verdict import HoldReason
from qc_edge.inspection.timeliness import Timeliness
from qc_edge.store.log.startup_state import DayCounts

_RECENT_FRAMES = 2000


class PartMeter(Protocol):
    """Whoever counts along: the metrics. Called on the inspector's thread; must not wait."""

    def announced(
        self, inspection: Inspection, announced_ms: float, counts_as_latency: bool
    ) -> None:
        """A frame was recorded; it, or its part, is told `announced_ms` after its exposure."""

    def part_announced(self, told: ToldPart, announced_ms: float, counts_as_latency: bool) -> None:
        """A part that several views see was told `announced_ms` after its first exposure."""


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


@dataclass(frozen=True, slots=True)
class ShiftCounts:
    """The shift that runs, its tally, and the `day` and time at which it `began`, by the clocks at
    the station.
    """

    name: str
    day: str
    began: str
    counts: DayCounts


class _Tally:
    """Counts from `begin` up to `end`."""

    def __init__(self, span: tuple[datetime, datetime], counts: DayCounts) -> None:
        self._begin, self._end = span
        self.verdicts: Counter[str] = Counter(counts.verdicts)
        self.reasons: Counter[str] = Counter(counts.reasons)
        self.held, self.lost, self._uncounted = counts.held, counts.lost, counts.uncounted
        self.parts: Counter[str] = Counter(counts.parts)

    def holds(self, moment: datetime) -> bool:
        """True if what is recorded at `moment` counts here."""
        return self._begin <= moment < self._end

    def add(self, inspection: Inspection) -> None:
        """One more inspection."""
        self.verdicts[inspection.verdict] += 1
        if inspection.verdict == "INVALID":
            self.reasons[inspection.reason] += 1
        self.held += inspection.disposition == "HOLD"
        is_counted = inspection.camera_frame_number is not None and not inspection.original_name
        self._uncounted += not is_counted

    def counts(self) -> DayCounts:
        """As they are now."""
        verdicts, reasons = dict(self.verdicts), dict(self.reasons)
        return DayCounts(verdicts, reasons, self.held, self.lost, self._uncounted, dict(self.parts))


class Statistics:
    """Counts of the day and the shift, and recent latencies: written by the inspector, read from
    any thread.
    """

    def __init__(self, meter: PartMeter, counts: Callable[[datetime, datetime], DayCounts]) -> None:
        """`meter` counts along, `counts` gives the log's tally from a time up to another."""
        self._counts = counts
        self._lock = threading.Lock()
        self._calendar = UTC_CALENDAR
        self._seen: Counter[str] = Counter()
        self._day: _Tally | None = None
        self._shift: _Tally | None = None
        self._ages_ms: deque[float] = deque(maxlen=_RECENT_FRAMES)
        self._meter = meter
        self.timeliness = Timeliness()
        self.last: Inspection | None = None
        self._last: Inspection | LastPart | None = None
        self.inspected = 0

    def add_inspection(
        self, inspection: Inspection, announced_ms: float, counts_as_latency: bool
    ) -> None:
        """One more frame is recorded, `announced_ms` milliseconds after its exposure."""
        is_shown = inspection.hold_reason is HoldReason.CHALLENGE
        with self._lock:
            for tally in self._tallies(inspection.recorded_at) if not is_shown else ():
                tally.add(inspection)
            self.inspected += 1
            self._seen[inspection.calibration_id] += 1
            self.last = inspection
            if inspection.attempt_id is None:
                self._last = inspection
            if counts_as_latency:
                self._ages_ms.append(announced_ms)
        if not is_shown:
            self._meter.announced(inspection, announced_ms, counts_as_latency)

    def add_part(self, told: ToldPart, announced_ms: float, counts_as_latency: bool) -> None:
        """One more part that several views see was told, so long after its first exposure."""
        is_shown = told.reason == HoldReason.CHALLENGE
        with self._lock:
            for tally in self._tallies(told.recorded_at) if not is_shown else ():
                tally.parts[told.disposition] += 1
            self._last = LastPart(
                told.part_id,
                told.frame_id,
                told.verdict,
                told.disposition,
                told.reason,
                told.detail,
                told.row.score if told.row else None,
            )
            if counts_as_latency:
                self._ages_ms.append(announced_ms)
        if not is_shown:
            self._meter.part_announced(told, announced_ms, counts_as_latency)

    def last_part(self) -> LastPart | None:
        """The last part, None before the first."""
        last = self._last
        return _of_frame(last) if isinstance(last, Inspection) else last

    def add_lost(self, frames: int, now: datetime) -> None:
        """So many more frames are known to be lost."""
        with self._lock:
            for tally in self._tallies(now):
                tally.lost += frames

    def recount(self, calendar: StationCalendar, now: datetime) -> None:
        """Count the day and the shift of `now` by this calendar, from what the log has of them."""
        day, shift = calendar.day_span(now), calendar.shift_span(now)
        # A part that is told in this moment may be counted twice, by the log and by its telling.
        day_tally = _Tally(day, self._counts(*day))
        shift_tally = _Tally(shift, self._counts(*shift)) if shift else None
        with self._lock:
            self._calendar, self._day, self._shift = calendar, day_tally, shift_tally

    def today(self, now: datetime) -> DayCounts:
        """The counts of the station's day of `now`."""
        with self._lock:
            self._tallies(now)
            return self._day.counts() if self._day else DayCounts()

    def shift(self, now: datetime) -> ShiftCounts | None:
        """The shift of `now` and its counts; None outside of all shifts."""
        with self._lock:
            self._tallies(now)
            shift = self._calendar.shift_at(now)
            if self._shift is None or shift.name is None or shift.began is None:
                return None
            began = shift.began.isoformat(timespec="minutes")
            return ShiftCounts(shift.name, shift.day.isoformat(), began, self._shift.counts())

    def seen(self, calibration_id: str) -> int:
        """How many frames were judged under this calibration since the station started."""
        with self._lock:
            return self._seen[calibration_id]

    def latency(self) -> Latency:
        """The latency of recent frames, those left out that were recovered or whose age is
        unknown.
        """
        with self._lock:
            ages = sorted(self._ages_ms)
        longest = ages[-1] if ages else None
        return Latency(len(ages), _quantile(ages, 0.5), _quantile(ages, 0.99), longest)

    def _tallies(self, now: datetime) -> list[_Tally]:
        """Of the day and the shift of `now`; begun anew if it is another than at the last call."""
        if self._day is None or not self._day.holds(now):
            self._day = _Tally(self._calendar.day_span(now), DayCounts())
        if self._shift is None or not self._shift.holds(now):
            span = self._calendar.shift_span(now) if self._calendar.shifts else None
            self._shift = _Tally(span, DayCounts()) if span else None
        return [tally for tally in (self._day, self._shift) if tally is not None]


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _of_frame(inspection: Inspection) -> LastPart:
    return LastPart(
        inspection.part_id,
        inspection.frame_id,
        inspection.verdict,
        inspection.disposition,
        inspection.hold_reason or inspection.reason,
        inspection.detail,
        inspection.score,
    )
