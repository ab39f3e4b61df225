"""All that is known of one shift: its figures, what happened in it, and its worst parts. No layout,
and no words for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from qc_edge.domain.events import Event, EventKind
from qc_edge.domain.inspection import Gap, Inspection
from qc_edge.domain.reporting.binomial import control_limits
from qc_edge.domain.reporting.shift_period import ShiftPeriod
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.plot.embedded import EmbeddedPicture
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.shift.shift_answers import ShiftAnswers
from qc_edge.query.shift.shift_counts import (
    CameraCount,
    ClassCount,
    FailBin,
    LineCount,
    ReasonCount,
    Tally,
)
from qc_edge.query.shift.shift_rows import ShiftRows
from qc_edge.report.shift.gate_trends import GateTrend, gate_trends
from qc_edge.report.shift.worst_parts import worst_picture
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.version import __version__

WORST = 10
DIMENSIONS = ("recipe", "lot", "view")

_MEMORY = "1GB"
_BINS_MAX = 36
_BIN_MINUTES = (5, 10, 15, 30, 60, 120)

_UNTOLD = {EventKind.PAGE_LOGIN, EventKind.PAGE_LOGIN_REFUSED, EventKind.PAGE_LOGOUT}
"""Events that say nothing of parts."""


@dataclass(frozen=True, slots=True)
class FailPoint:
    """One point of the p-chart: the counts, and the least and highest number of FAILs that chance
    explains at the rate of the whole shift.
    """

    counted: FailBin
    low: int
    high: int

    @property
    def is_outside(self) -> bool:
        """True if chance does not explain it."""
        return not self.low <= self.counted.failed <= self.high


@dataclass(frozen=True, slots=True)
class WorstPart:
    """A frame with a high score; `picture` is None where its evidence is gone, which `note`
    says.
    """

    row: Inspection
    picture: EmbeddedPicture | None
    note: str


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """A shift in figures. Times are aware UTC; `calendar` says what people call them.

    `seen` is when its first and last frame were recorded, None if there is none. `made_at` and
    `software` say when and by what the report was made, `bin_length` how long the stretches of the
    charts are.
    """

    station: str
    period: ShiftPeriod
    calendar: StationCalendar
    made_at: datetime
    seen: tuple[datetime, datetime] | None
    total: Tally
    tallies: Mapping[str, list[Tally]]
    reasons: list[ReasonCount]
    classes: list[ClassCount]
    bin_length: timedelta
    fail_points: list[FailPoint]
    gates: list[GateTrend]
    counts: list[CameraCount]
    lines: list[LineCount]
    events: list[Event]
    gaps: list[Gap]
    worst: list[WorstPart]
    software: str = f"qc-edge {__version__}"

    @property
    def is_over(self) -> bool:
        """False for a shift in progress: what it says will change."""
        return self.period.is_over(self.made_at)

    @property
    def fail_rate(self) -> float | None:
        """The share of FAIL among the judged frames."""
        judged = self.total.passed + self.total.failed
        return self.total.failed / judged if judged else None

    @property
    def closes(self) -> bool | None:
        """Whether every camera's count does; None: nothing was counted, or nobody can say of one
        whether it does.
        """
        if any(each.closes is False for each in self.counts):
            return False
        return True if self.counts and not self.uncounted else None

    @property
    def uncounted(self) -> list[str]:
        """The cameras whose triggers nothing counts."""
        return [each.camera for each in self.counts if each.closes is None]


def make_shift_report(
    paths: StationPaths,
    calendar: StationCalendar,
    period: ShiftPeriod,
    *,
    with_pictures: bool = True,
) -> ShiftReport:
    """Ask the published log. Raises StoreError if it does not read."""
    length = _bin_length(period)
    with PublishedLog(paths.published, memory_limit=_MEMORY) as log:
        answers = ShiftAnswers(ShiftRows.of(log.cursor(), period), period)
        total = next(iter(answers.tallies()), Tally(None, *[0] * 10))
        return ShiftReport(
            station=paths.name,
            period=period,
            calendar=calendar,
            made_at=utc_now(),
            seen=answers.span(),
            total=total,
            tallies={each: answers.tallies(each) for each in DIMENSIONS},
            reasons=answers.reasons(),
            classes=answers.classes(),
            bin_length=length,
            fail_points=_fail_points(total, answers.fail_bins(length)),
            gates=gate_trends(paths, answers.gate_bins(length)),
            counts=answers.counts(),
            lines=answers.lines(),
            events=[each for each in answers.events() if each.kind not in _UNTOLD],
            gaps=answers.gaps(),
            worst=[
                WorstPart(row, *(worst_picture(paths, row) if with_pictures else (None, "")))
                for row in answers.worst(WORST)
            ],
        )


def _bin_length(period: ShiftPeriod) -> timedelta:
    minutes = (period.ends - period.begins).total_seconds() / 60
    fitting = (each for each in _BIN_MINUTES if minutes / each <= _BINS_MAX)
    return timedelta(minutes=next(fitting, _BIN_MINUTES[-1]))


def _fail_points(total: Tally, bins: list[FailBin]) -> list[FailPoint]:
    judged = total.passed + total.failed
    rate = total.failed / judged if judged else 0.0
    return [FailPoint(each, *control_limits(each.judged, rate)) for each in bins]
