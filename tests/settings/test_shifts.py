"""The time zone and the shifts of a station: what is refused, and which shift a moment belongs
to.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from qc_edge.domain.station_calendar import ShiftOfDay, StationCalendar
from qc_edge.errors import SettingsError
from qc_edge.settings import parse_settings

THREE = """
[[station.shifts]]
name = "early"
start = "06:00"
[[station.shifts]]
name = "late"
start = "14:00"
[[station.shifts]]
name = "night"
start = "22:00"
"""

WEEKDAYS = """
[[station.shifts]]
name = "day"
start = "07:30"
end = "16:00"
days = ["mon", "tue", "wed", "thu", "fri"]
[[station.shifts]]
name = "night"
start = "22:00"
days = ["fri"]
"""


def calendar(shifts: str, zone: str = "Europe/Berlin") -> StationCalendar:
    head = f'[station]\nname = "line1"\ntime_zone = "{zone}"\n'
    return parse_settings(head + shifts, "line1.toml").station.calendar


def refusal(station: str) -> str:
    with pytest.raises(SettingsError) as fault:
        parse_settings(f'[station]\nname = "line1"\n{station}', "line1.toml")
    return str(fault.value)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def shift(text: str, plan: StationCalendar) -> tuple[str | None, str]:
    found = plan.shift_at(at(text))
    return found.name, found.day.isoformat()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
    ],
)
def test_a_time_zone_that_is_none_is_refused_with_the_one_that_is_meant(
    given: str, meant: str
) -> None:
    said = refusal(f'time_zone = "{given}"')
    assert f'line 3, station.time_zone: got "{given}"' in said
    assert f'did you mean "{meant}"?' in said


@pytest.mark.parametrize("given", ["/etc/passwd", "../UTC", "Europe", "", "Mars"])
def test_what_is_no_time_zone_at_all_is_refused_in_words(given: str) -> None:
    assert "expected a name of the IANA time zone database" in refusal(f'time_zone = "{given}"')


@pytest.mark.parametrize(
    ("again", "said"),
    [
        ('name = "early"\nstart = "08:00"', '"early" starts twice on mon, tue'),
        ('name = "other"\nstart = "14:00"\ndays = ["sun"]', "overlap on sun at 14:00"),
        ('name = "long"\nstart = "05:00"\nend = "06:01"', '"long" and "early" overlap on mon'),
        ('name = "late"\nstart = "13:00"\ndays = ["sat"]', '"late" starts twice on sat'),
        ('name = "x"\nstart = "25:00"', "station.shifts[x].start"),
        ('name = "x"\nstart = "5:00"', "HH:MM"),
        ('name = "x"\nstart = "05:00"\ndays = ["monday"]', "station.shifts[x].days"),
        ('name = "x"\nbegin = "05:00"', "unknown key"),
    ],
)
def test_shifts_that_do_not_go_together_are_refused(again: str, said: str) -> None:
    assert said in refusal(f"{THREE}[[station.shifts]]\n{again}\n")


def test_one_name_may_start_at_another_time_on_another_day() -> None:
    plan = calendar(
        '[[station.shifts]]\nname = "day"\nstart = "06:00"\ndays = ["mon"]\n'
        '[[station.shifts]]\nname = "day"\nstart = "09:00"\ndays = ["sat"]\n',
        "UTC",
    )
    assert shift("2026-11-23 07:00", plan) == ("day", "2026-11-23")
    assert shift("2026-11-28 08:59", plan) == (None, "2026-11-28")
    assert shift("2026-11-28 09:00", plan) == ("day", "2026-11-28")


def test_without_shifts_a_day_is_that_of_the_wall_calendar() -> None:
    plan = calendar("")
    assert shift("2026-11-23 22:59", plan) == (None, "2026-11-23")
    assert shift("2026-11-23 23:00", plan) == (None, "2026-11-24")


def test_a_night_shift_is_wholly_of_the_day_on_which_it_began() -> None:
    plan = calendar(THREE)
    assert shift("2026-11-23 20:59", plan) == ("late", "2026-11-23")
    assert shift("2026-11-23 21:00", plan) == ("night", "2026-11-23")
    assert shift("2026-11-24 04:59:59", plan) == ("night", "2026-11-23")
    assert shift("2026-11-24 05:00", plan) == ("early", "2026-11-24")
    night = plan.shift_at(at("2026-11-24 03:00"))
    assert night == ShiftOfDay("night", at("2026-11-23 22:00").date(), datetime(2026, 11, 23, 22))  # noqa: DTZ001


def test_a_shift_ends_at_its_end_and_at_the_latest_after_a_day() -> None:
    plan = calendar(WEEKDAYS, "UTC")
    assert shift("2026-11-27 15:59", plan) == ("day", "2026-11-27")
    assert shift("2026-11-27 16:00", plan) == (None, "2026-11-27")
    assert shift("2026-11-28 21:59", plan) == ("night", "2026-11-27")
    assert shift("2026-11-28 22:00", plan) == (None, "2026-11-28")


def test_a_shift_over_the_end_of_the_week_goes_on_on_monday() -> None:
    plan = calendar(THREE, "UTC")
    assert shift("2026-11-30 03:00", plan) == ("night", "2026-11-29")


def test_in_the_night_with_an_hour_twice_the_shift_is_nine_hours_long() -> None:
    begin, end = calendar(THREE).shift_span(at("2026-10-25 01:30")) or (None, None)
    assert (begin, end) == (at("2026-10-24 20:00"), at("2026-10-25 05:00"))


def test_in_the_night_without_an_hour_the_shift_is_seven_hours_long() -> None:
    begin, end = calendar(THREE).shift_span(at("2026-03-29 01:30")) or (None, None)
    assert (begin, end) == (at("2026-03-28 21:00"), at("2026-03-29 04:00"))


EVERY_HALF_PAST_TWO = '[[station.shifts]]\nname = "a"\nstart = "02:30"\n'


def test_a_start_in_the_hour_that_comes_twice_is_at_the_first_time() -> None:
    plan = calendar(EVERY_HALF_PAST_TWO)
    days = [shift(f"2026-10-25 {clock}", plan)[1] for clock in ("00:29", "00:30", "01:10", "01:40")]
    assert days == ["2026-10-24", "2026-10-25", "2026-10-25", "2026-10-25"]


def test_a_start_in_the_hour_that_does_not_come_is_when_the_clock_jumps_over_it() -> None:
    plan = calendar(EVERY_HALF_PAST_TWO)
    assert shift("2026-03-29 00:59:59", plan) == ("a", "2026-03-28")
    assert shift("2026-03-29 01:00", plan) == ("a", "2026-03-29")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("plan", ["", THREE, WEEKDAYS, EVERY_HALF_PAST_TWO])
def test_days_and_shifts_follow_each_other_without_a_gap(zone: str, plan: str) -> None:
    of = calendar(plan, zone)
    moment, end = at("2026-03-27 00:00"), at("2026-04-07 00:00")
    while moment < end:
        begin, following = of.day_span(moment)
        assert begin <= moment < following
        day = of.shift_at(moment).day
        assert of.shift_at(begin - timedelta(seconds=1)).day < day < of.shift_at(following).day
        moment = following
