"""How a person names a shift, and from when to when it is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from qc_edge.domain.reporting.shift_period import ShiftPeriod, find_period, shifts_of
from qc_edge.domain.shifts import Shift
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.errors import UsageError

EVERY_DAY, WORKDAYS = tuple(range(7)), tuple(range(5))
BERLIN = ZoneInfo("Europe/Berlin")
THREE = StationCalendar(
    BERLIN,
    tuple(
        Shift(name, 60 * hour, None, EVERY_DAY)
        for name, hour in (("early", 6), ("late", 14), ("night", 22))
    ),
)
ONE = StationCalendar(BERLIN, (Shift("day", 480, 960, WORKDAYS),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def span(period: ShiftPeriod) -> tuple[str, str]:
    return f"{period.begins:%Y-%m-%d %H:%M}", f"{period.ends:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("wanted", "name", "begins", "ends"),
    [
        ("now", "2026-11-27/early", "2026-11-27 05:00", "2026-11-27 13:00"),
        ("last", "2026-11-26/night", "2026-11-26 21:00", "2026-11-27 05:00"),
        ("2026-11-26/late", "2026-11-26/late", "2026-11-26 13:00", "2026-11-26 21:00"),
        ("yesterday/night", "2026-11-26/night", "2026-11-26 21:00", "2026-11-27 05:00"),
        ("2026-11-26", "2026-11-26", "2026-11-26 05:00", "2026-11-27 05:00"),
        ("today", "2026-11-27", "2026-11-27 05:00", "2026-11-28 05:00"),
    ],
)
def test_a_shift_is_found_by_its_name(wanted: str, name: str, begins: str, ends: str) -> None:
    period = find_period(THREE, wanted, at("2026-11-27 09:00"))
    assert (period.name, *span(period)) == (name, begins, ends)
    assert find_period(THREE, period.name, at("2026-11-27 09:00")) == period


def test_the_last_shift_may_be_before_the_weekend() -> None:
    monday = at("2026-11-30 05:00")
    assert find_period(ONE, "last", monday).name == "2026-11-27/day"
    assert find_period(ONE, "last", at("2026-11-27 15:30")).name == "2026-11-27/day"
    assert find_period(ONE, "now", monday).name == "2026-11-30"


def test_a_station_without_a_plan_has_days() -> None:
    plain = StationCalendar(BERLIN)
    assert find_period(plain, "last", at("2026-11-27 09:00")).name == "2026-11-26"
    assert span(find_period(plain, "now", at("2026-11-27 09:00")))[0] == "2026-11-26 23:00"


def test_clocks_that_are_put_on_or_back_make_a_shift_shorter_or_longer() -> None:
    for night, hours in (("2026-03-28/night", 7), ("2026-10-24/night", 9)):
        period = find_period(THREE, night, at("2026-11-27 09:00"))
        assert period.ends - period.begins == timedelta(hours=hours)
    skipped = StationCalendar(BERLIN, (Shift("gone", 150, 400, EVERY_DAY),))
    period = find_period(skipped, "2026-03-29/gone", at("2026-11-27 09:00"))
    assert span(period)[0] == "2026-03-29 01:00", "02:30 never was: it began at 03:00"


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("tomorrow", "YYYY-MM-DD"),
        ("2026-13-01", "YYYY-MM-DD"),
        ("2026-11-26/noon", "2026-11-26/early"),
        ("0001-01-01", "YYYY-MM-DD"),
    ],
)
def test_what_is_no_shift_is_refused_with_what_would_be_one(wanted: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_period(THREE, wanted, at("2026-11-27 09:00"))
    assert hint in refused.value.hint


def test_a_day_off_has_no_shifts() -> None:
    assert shifts_of(ONE, at("2026-11-28 09:00").date()) == []
    with pytest.raises(UsageError, match="it has none"):
        find_period(ONE, "2026-11-28/day", at("2026-11-30 09:00"))
