"""The time zone and the shifts of [station]: the times people see, and what a day's yield is."""

from __future__ import annotations

import difflib
from datetime import timezone, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field

from qc_edge.domain.shifts import DAY_MINUTES, WEEKDAYS, Shift, overlaps
from qc_edge.settings.section import Section

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_ShiftName = Annotated[str, Field(pattern=r"^\S(.{0,30}\S)?$")]


class ShiftSettings(Section):
    """A shift: what runs from its start belongs to it and to the day on which it started."""

    name: _ShiftName = Field(description="As people call it: early, late, night.")
    start: str = Field(
        pattern=_CLOCK, description="HH:MM, as the clock on the wall shows it in `time_zone`."
    )
    end: str | None = Field(
        default=None,
        pattern=_CLOCK,
        description="HH:MM, on the next day where it is not after the start. Default: when the "
        "next shift starts, after 24 hours at the latest.",
    )
    days: tuple[_Weekday, ...] = Field(
        default=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        min_length=1,
        description="The days on which it starts.",
    )


def zone(name: str) -> tzinfo:
    """The time zone with this name, of the system's database or of the package tzdata.

    Raises ValueError that says what was expected.
    """
    if name == "UTC":
        return timezone.utc  # also where there is no database
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'got "{name}", {_expected_zone(name)}') from None


def plan(shifts: tuple[ShiftSettings, ...]) -> tuple[Shift, ...]:
    """The shifts as the calendar takes them."""
    return tuple(
        Shift(
            shift.name,
            _minutes(shift.start),
            None if shift.end is None else _minutes(shift.end),
            tuple(sorted({WEEKDAYS.index(day) for day in shift.days})),
        )
        for shift in shifts
    )


def check_plan(shifts: tuple[ShiftSettings, ...]) -> None:
    """Raises ValueError if two shifts of one name start on the same day, or two run at once."""
    for at, shift in enumerate(shifts):
        for other in shifts[:at]:
            days = [day for day in WEEKDAYS if day in shift.days and day in other.days]
            if other.name == shift.name and days:
                raise ValueError(f'"{shift.name}" starts twice on {", ".join(days)}')
    for run, following in overlaps(plan(shifts)):
        day = WEEKDAYS[following.begins // DAY_MINUTES]
        start = f"{following.shift.start // 60:02}:{following.shift.start % 60:02}"
        raise ValueError(
            f'"{run.shift.name}" and "{following.shift.name}" overlap on {day} at {start}'
        )


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _expected_zone(name: str) -> str:
    known = available_timezones()
    if not known:
        return "but this machine has no time zones: install the package tzdata"
    by_lower = {each.lower(): each for each in known}
    city = {each.rpartition("/")[2].lower(): each for each in sorted(known, reverse=True)}
    wanted = name.lower().replace(" ", "_")
    near = by_lower.get(wanted) or city.get(wanted.rpartition("/")[2])
    if near is None:
        close = difflib.get_close_matches(wanted, by_lower, 1)
        near = by_lower[close[0]] if close else None
    hint = f'; did you mean "{near}"?' if near else ""
    return f'expected a name of the IANA time zone database, such as "Europe/Berlin"{hint}'
