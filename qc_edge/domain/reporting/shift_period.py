"""A shift of one day, or a whole day, as a stretch of time; and how a person names it.

Reads no clock: the time is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.errors import UsageError

LAST, NOW = "last", "now"

_DAYS_BACK = {"today": 0, "yesterday": 1}
_LOOK_BACK = timedelta(days=15)
"""A plan with days off: the last shift may have been before a holiday's weekend."""

_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ShiftPeriod:
    """From `begins` up to `ends` (aware UTC); `day` is the local day on which it began.

    `shift` is the shift's name; None: the whole day, as the shift plan has it.
    """

    day: date
    shift: str | None
    begins: datetime
    ends: datetime

    @property
    def name(self) -> str:
        """As `find_period` takes it: DAY or DAY/SHIFT."""
        return f"{self.day}/{self.shift}" if self.shift else f"{self.day}"

    def is_over(self, now: datetime) -> bool:
        """True once nothing can belong to it any more."""
        return now >= self.ends


def find_period(calendar: StationCalendar, wanted: str, now: datetime) -> ShiftPeriod:
    """The period that `wanted` names: DAY, DAY/SHIFT, `last` for the last one that is over, or
    `now` for the one that runs. DAY is YYYY-MM-DD, `today` or `yesterday`.

    Without a shift plan, and outside of all shifts, the day is what runs. Raises UsageError.
    """
    if wanted == NOW:
        return _at(calendar, now)
    if wanted == LAST:
        return _last(calendar, now)
    typed, _, shift = wanted.partition("/")
    day = _day(calendar, typed, now)
    if not shift:
        return _whole_day(calendar, day)
    found = _shift_of(calendar, day, shift)
    if found is None:
        names = shifts_of(calendar, day)
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise UsageError(
            f"no shift {shift!r} begins on {day:%A}, {day}; {known}",
            hint=f"expected DAY/SHIFT, such as {day}/{names[0]}"
            if names
            else f"[[station.shifts]] in the settings has the plan; the whole day: {day}",
        )
    return found


def shifts_of(calendar: StationCalendar, day: date) -> list[str]:
    """The names of the shifts that begin on that day, in order."""
    running = [each for each in calendar.shifts if day.weekday() in each.days]
    return [each.name for each in sorted(running, key=lambda each: each.start)]


def _at(calendar: StationCalendar, moment: datetime) -> ShiftPeriod:
    found = calendar.shift_at(moment)
    span = calendar.shift_span(moment) or calendar.day_span(moment)
    return ShiftPeriod(found.day, found.name, *span)


def _last(calendar: StationCalendar, now: datetime) -> ShiftPeriod:
    moment = now
    while now - moment < _LOOK_BACK:
        period = _at(calendar, moment)
        if period.is_over(now) and (period.shift or not calendar.shifts):
            return period
        # Outside of all shifts the whole day is told: shifts of that day lie before this moment.
        moment = moment - _STEP if period.shift is None and calendar.shifts else period.begins
        moment -= timedelta(seconds=1)
    return _at(calendar, now)


def _shift_of(calendar: StationCalendar, day: date, name: str) -> ShiftPeriod | None:
    plan = [each for each in calendar.shifts if each.name == name and day.weekday() in each.days]
    if not plan:
        return None
    begins = datetime.combine(day, time()) + timedelta(minutes=plan[0].start)
    moment = begins.replace(tzinfo=calendar.zone).astimezone(timezone.utc)
    # The clock may be put forward over the start, or show it twice: a little later it is sure.
    for minutes in (0, 30, 60, 90, 120):
        period = _at(calendar, moment + timedelta(minutes=minutes))
        if (period.day, period.shift) == (day, name):
            return period
    return None


def _whole_day(calendar: StationCalendar, day: date) -> ShiftPeriod:
    moment = datetime.combine(day, time(12), calendar.zone).astimezone(timezone.utc)
    # At noon it may still be the day before, if a long shift runs: then a little later.
    for hours in range(13):
        later = moment + timedelta(hours=hours)
        if calendar.shift_at(later).day == day:
            return ShiftPeriod(day, None, *calendar.day_span(later))
    return ShiftPeriod(day, None, moment, moment)


def _day(calendar: StationCalendar, typed: str, now: datetime) -> date:
    if typed in _DAYS_BACK:
        return calendar.shift_at(now).day - timedelta(days=_DAYS_BACK[typed])
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= now.year + 1:
        raise UsageError(
            f"{typed!r} is no day",
            hint="expected YYYY-MM-DD, today or yesterday, and after it perhaps /SHIFT; or last, "
            "or now",
        )
    return day
