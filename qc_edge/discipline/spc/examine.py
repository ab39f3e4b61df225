"""Reads the log for control charts: once for a report, and bit by bit beside a running station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qc_edge.discipline.spc.charts import (
    Alarm,
    ChartRules,
    ControlCharts,
    Earlier,
    make_charts,
)
from qc_edge.discipline.spc.drift import Drift, diagnose
from qc_edge.discipline.spc.rate_chart import RateCount, RateReference
from qc_edge.query.control.counts import ControlPoint, LotCount, Regime
from qc_edge.query.control.points import control_points, lot_counts
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from qc_edge.settings import StationPaths
from qc_edge.settings.discipline.spc import SpcSettings

_MEMORY = "256MB"

_SHOWN = timedelta(days=2)
"""What a watch keeps of its charts beside the time in which an alarm stands: 90 days of points of a
minute would be half a gigabyte.
"""

_LATE = timedelta(hours=1)
"""A row may be published so long after it was recorded: `storage.publish_every_s` at its most."""


@dataclass(frozen=True, slots=True)
class LotPoint:
    """A lot against all lots of its view and recipe: the least and the highest number of FAILs
    that chance explains.
    """

    lot: LotCount
    low: int
    high: int

    @property
    def is_outside(self) -> bool:
        """True if chance does not explain it."""
        return not self.low <= self.lot.failed <= self.high


@dataclass(frozen=True, slots=True)
class SpcReport:
    """What `qc-edge spc` tells of the time from `since` to `until` (aware UTC)."""

    station: str
    since: datetime
    until: datetime
    charts: ControlCharts
    alarms: list[Alarm]
    diagnoses: list[Drift]
    lots: list[LotPoint]


def examine(
    paths: StationPaths, settings: SpcSettings, since: datetime, now: datetime
) -> SpcReport:
    """The charts as they are `now`, and what they said from `since` on. Raises StoreError."""
    with PublishedLog(paths.published) as log:
        cursor = log.cursor()
        points = control_points(cursor, Span(_oldest(settings, now, since), now), _length(settings))
        charts = make_charts(points, chart_rules(settings))
        alarms = [each for each in charts.alarms() if since <= each.at < now]
        return SpcReport(
            paths.name,
            since,
            now,
            charts,
            alarms,
            diagnose(alarms, now - since, now),
            _lots(lot_counts(cursor, Span(since, now)), charts.risk.tail),
        )


class Watch:
    """The charts of a running station: whole points only; what is older than an hour is read and
    reckoned once. One thread.
    """

    def __init__(self, paths: StationPaths) -> None:
        self._paths = paths
        self._points: dict[Regime, list[ControlPoint]] = {}
        self._charts: ControlCharts | None = None
        self._made_for: tuple[ChartRules, datetime] | None = None
        self._read_to: datetime | None = None
        self._read_from: datetime | None = None
        self._length: timedelta | None = None

    def is_due(self, settings: SpcSettings, now: datetime) -> bool:
        """True if a point has ended that was not read yet, or the clock was set back."""
        length = _length(settings)
        return self._read_to is None or not self._read_to - length <= now < self._read_to + length

    def look(self, settings: SpcSettings, now: datetime) -> ControlCharts:
        """Read what is new and make the charts, which have the points of the last days. Raises
        StoreError.
        """
        length = _length(settings)
        oldest, until = _oldest(settings, now), _floor(now, length)
        is_back = self._read_to is not None and until < self._read_to
        if (
            self._read_to is None
            or is_back
            or length != self._length
            or oldest < (self._read_from or oldest)
        ):
            self._points, self._charts, self._length = {}, None, length
            self._read_from, self._read_to = oldest, None
            since = oldest
        else:
            # What was not published for longer, on a full disk, comes behind what was.
            ends = max((of[-1].begins for of in self._points.values()), default=oldest) + length
            since = max(oldest, _floor(min(self._read_to, ends) - _LATE, length))
        with PublishedLog(self._paths.published, memory_limit=_MEMORY, threads=1) as log:
            new = control_points(log.cursor(), Span(since, until), length)
        kept = {
            regime: [each for each in of if oldest <= each.begins < since]
            for regime, of in self._points.items()
        }
        found = {regime: kept.get(regime, []) + new.get(regime, []) for regime in kept | new}
        self._points = {regime: of for regime, of in found.items() if of}
        self._read_to = until
        made_for = chart_rules(settings), oldest
        is_same = self._charts is not None and made_for == self._made_for
        earlier = Earlier(self._charts, since) if self._charts is not None and is_same else None
        shown = timedelta(hours=settings.cooldown_hours) + _SHOWN
        self._charts = make_charts(self._points, made_for[0], earlier, now - shown)
        self._made_for = made_for
        return self._charts


def chart_rules(settings: SpcSettings) -> ChartRules:
    """The settings as the charts take them."""
    return ChartRules(
        settings.point_minutes,
        settings.reference_points,
        settings.fewest_frames,
        settings.false_alarms_per_week,
    )


def _length(settings: SpcSettings) -> timedelta:
    return timedelta(minutes=settings.point_minutes)


def _oldest(settings: SpcSettings, now: datetime, since: datetime | None = None) -> datetime:
    """The beginning of the first whole point; what is charted `since` is charted in any case.

    It moves on in steps, once a day where 90 are looked back: every chart is made anew then.
    """
    length, back = _length(settings), timedelta(days=settings.look_back_days)
    oldest = _floor(now - back, max(length, back / 90))
    oldest = min(oldest, since or oldest)
    return _ceiling(max(oldest, settings.reference_since or oldest), length)


def _floor(moment: datetime, length: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return moment - (moment - epoch) % length


def _ceiling(moment: datetime, length: timedelta) -> datetime:
    return _floor(moment + length - timedelta(microseconds=1), length)


def _lots(lots: Sequence[LotCount], tail: float) -> list[LotPoint]:
    by: dict[tuple[str, str | None], list[LotCount]] = {}
    for each in lots:
        by.setdefault((each.view, each.recipe), []).append(each)
    found = []
    for of in by.values():
        whole = RateReference.of_counts(
            [RateCount(each.begins, each.failed, each.judged) for each in of]
        )
        found += [LotPoint(each, *whole.limits(each.judged, tail)) for each in of]
    return found
