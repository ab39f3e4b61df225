"""Reads the log for control charts: once for a report, and bit by bit beside a running station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qc_edge.discipline.spc.charts import Alarm, ChartRules, ControlCharts, make_charts
from qc_edge.discipline.spc.drift import Drift, diagnose
from qc_edge.discipline.spc.rate_chart import RateCount, RateReference
from qc_edge.query.control.counts import ControlPoint, LotCount, Regime
from qc_edge.query.control.points import control_points, lot_counts
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from qc_edge.settings import StationPaths
from qc_edge.settings.discipline.spc import SpcSettings

_MEMORY = "256MB"


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
        points = control_points(cursor, _reach(settings, now), _length(settings))
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
    """The charts of a running station: whole points only, each read once. One thread."""

    def __init__(self, paths: StationPaths) -> None:
        self._paths = paths
        self._points: dict[Regime, list[ControlPoint]] = {}
        self._read_to: datetime | None = None
        self._length: timedelta | None = None

    def is_due(self, settings: SpcSettings, now: datetime) -> bool:
        """True if a point has ended that was not read yet."""
        return self._read_to is None or now >= self._read_to + _length(settings)

    def look(self, settings: SpcSettings, now: datetime) -> ControlCharts:
        """Read what is new and make the charts. Raises StoreError."""
        length = _length(settings)
        reach = _reach(settings, now)
        if length != self._length or self._read_to is None:
            self._points, self._length, self._read_to = {}, length, reach.since
        until = _floor(now, length)
        with PublishedLog(self._paths.published, memory_limit=_MEMORY, threads=1) as log:
            for regime, new in control_points(
                log.cursor(), Span(self._read_to, until), length
            ).items():
                self._points.setdefault(regime, []).extend(new)
        self._read_to = until
        oldest = reach.since or until
        kept = {
            regime: [each for each in of if each.begins >= oldest]
            for regime, of in self._points.items()
        }
        self._points = {regime: of for regime, of in kept.items() if of}
        return make_charts(self._points, chart_rules(settings))


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


def _reach(settings: SpcSettings, now: datetime) -> Span:
    oldest = _floor(now, _length(settings)) - timedelta(days=settings.look_back_days)
    return Span(max(oldest, settings.reference_since or oldest), now)


def _floor(moment: datetime, length: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return moment - (moment - epoch) % length


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
