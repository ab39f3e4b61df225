"""What the clock on a station's wall shows, and the shift and the day that a moment belongs to.

The log itself is in UTC. Reads no clock and no file: the time zone is given.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

from qc_edge.domain.shifts import DAY_MINUTES, Shift, week_segments


@dataclass(frozen=True, slots=True)
class Transition:
    """At the moment `at` (UTC, without a zone) the clocks are put from `before` to `after`, both
    ahead of UTC.
    """

    at: datetime
    before: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class ShiftOfDay:
    """The shift that a moment belongs to: its name, the day on which it began, and when, by the
    clock on the wall.

    Outside of all shifts `name` and `began` are None and `day` is that of the wall calendar.
    """

    name: str | None
    day: date
    began: datetime | None


@dataclass(frozen=True, slots=True)
class StationCalendar:
    """A station's time zone and shift plan.

    A shift starts when the clock on the wall first shows its start, or jumps over it. So a clock
    that is put back and shows an hour twice does not bring the shift before back.
    """

    zone: tzinfo = timezone.utc
    shifts: tuple[Shift, ...] = ()

    def local(self, moment: datetime) -> datetime:
        """The aware `moment` in the station's time zone."""
        return moment.astimezone(self.zone)

    def offset(self, moment: datetime) -> timedelta:
        """How far the station's clocks are ahead of UTC at the aware `moment`."""
        return moment.astimezone(self.zone).utcoffset() or timedelta()

    def shift_at(self, moment: datetime) -> ShiftOfDay:
        """The shift at the aware `moment`."""
        clock = self._furthest_clock(moment)
        segments = week_segments(self.shifts)
        minute = clock.weekday() * DAY_MINUTES + clock.hour * 60 + clock.minute
        segment = segments[bisect_right(segments, minute, key=lambda part: part.begins) - 1]
        day = clock.date() - timedelta(days=segment.days_back)
        if segment.name is None:
            return ShiftOfDay(None, day, None)
        return ShiftOfDay(
            segment.name, day, datetime.combine(day, time()) + timedelta(minutes=segment.start)
        )

    def day_span(self, moment: datetime) -> tuple[datetime, datetime]:
        """From when and up to when (aware UTC) it is the day of `moment`, as `shift_at` has it."""
        day = self.shift_at(moment).day
        return _span(moment, lambda other: self.shift_at(other).day == day)

    def shift_span(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """From when and up to when (aware UTC) the shift of `moment` runs; None outside of all."""
        shift = self.shift_at(moment)
        if shift.name is None:
            return None
        return _span(moment, lambda other: self.shift_at(other) == shift)

    def transitions(self, first_year: int, last_year: int) -> Iterator[Transition]:
        """Every time that the clocks are put forward or back in these years, in order."""
        moment = datetime(first_year, 1, 1, tzinfo=timezone.utc)
        end = datetime(last_year + 1, 1, 1, tzinfo=timezone.utc)
        while moment < end:
            following = moment + timedelta(days=1)
            before, after = self.offset(moment), self.offset(following)
            if before != after:
                at = self._change_between(moment, following)
                yield Transition(at.replace(tzinfo=None), before, after)
            moment = following

    def _furthest_clock(self, moment: datetime) -> datetime:
        """The latest time that the clock on the wall has shown up to `moment`."""
        local = moment.astimezone(self.zone)
        shown = local.replace(tzinfo=None, fold=0)
        if not local.fold:
            return shown
        # An hour for the second time: what the clock showed when it was put back was later.
        put_back = self._change_between(moment - timedelta(days=1), moment)
        before = self.offset(put_back - timedelta(seconds=1))
        return max(shown, put_back.replace(tzinfo=None) + before)

    def _change_between(self, earlier: datetime, later: datetime) -> datetime:
        """The first second with the offset of `later`, which differs from that of `earlier`."""
        low, high = int(earlier.timestamp()), int(later.timestamp())
        after = self.offset(later)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(datetime.fromtimestamp(middle, timezone.utc)) == after:
                high = middle
            else:
                low = middle
        return datetime.fromtimestamp(high, timezone.utc)


UTC_CALENDAR = StationCalendar()
"""Of a station that says nothing of its time zone: UTC, and no shifts."""

_LONGEST = timedelta(hours=50)
"""No day is longer: it begins at midnight at the earliest and may end with a shift of 24 hours, and
an hour or two come twice.
"""


def _span(moment: datetime, holds: Callable[[datetime], bool]) -> tuple[datetime, datetime]:
    """The seconds round `moment` for which `holds` is true: the first, and the first behind."""
    now = int(moment.timestamp())
    edges = []
    for direction in (-1, 1):
        inside, outside = 0, int(_LONGEST.total_seconds())
        while outside - inside > 1:
            middle = (inside + outside) // 2
            if holds(datetime.fromtimestamp(now + direction * middle, timezone.utc)):
                inside = middle
            else:
                outside = middle
        edges.append(inside)
    first, last = now - edges[0], now + edges[1]
    return (
        datetime.fromtimestamp(first, timezone.utc),
        datetime.fromtimestamp(last + 1, timezone.utc),
    )
