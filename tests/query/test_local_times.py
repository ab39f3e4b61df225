"""Local times, shifts and yields in SQL: of one mind with the station, and parts counted once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.shifts import Shift
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.query.sql_session import SqlSession
from qc_edge.query.views import script
from qc_edge.settings.shifts import zone
from tests.publish.rows import Log, at, event, inspection, log

EVERY_DAY = tuple(range(7))
THREE = (
    Shift("early", 360, None, EVERY_DAY),
    Shift("late", 840, None, EVERY_DAY),
    Shift("night's", 1320, None, EVERY_DAY),
)
WORKDAYS = (Shift("day", 450, 960, (0, 1, 2, 3, 4)), Shift("night", 1320, 360, (0, 1, 2, 3)))
IN_THE_HOUR_TWICE = (Shift("a", 150, None, EVERY_DAY), Shift("b", 857, None, EVERY_DAY))


def calendar(name: str, shifts: tuple[Shift, ...] = THREE) -> StationCalendar:
    return StationCalendar(zone(name), shifts)


@contextmanager
def asked(made: Log, of: StationCalendar) -> Iterator[duckdb.DuckDBPyConnection]:
    made.publisher.publish()
    with duckdb.connect() as connection:
        connection.execute(script(made.published, of))
        yield connection


@pytest.fixture(scope="module")
def one_event(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with log(tmp_path_factory.mktemp("one")) as made:
        made.add(event(at("2026-01-01")))
        yield made


@pytest.mark.parametrize("shifts", [(), THREE, WORKDAYS, IN_THE_HOUR_TWICE])
@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"]
)
def test_every_hour_of_a_year_has_the_local_time_and_the_shift_that_the_station_says(
    one_event: Log, name: str, shifts: tuple[Shift, ...]
) -> None:
    """More closely in the months in which clocks are changed."""
    of = calendar(name, shifts)
    with asked(one_event, of) as sql:
        answers = sql.execute(
            "SELECT t, local_time(t), shift_at(t).name, shift_at(t).day, shift_at(t).began "
            "FROM (SELECT range AS n, TIMESTAMP '2026-01-01' + to_minutes(21 * n) AS t "
            "FROM range(25100)) WHERE month(t) IN (3, 4, 10, 11) OR n % 3 = 0 ORDER BY t"
        ).fetchall()
    for stored, *said in answers:
        moment = stored.replace(tzinfo=timezone.utc)
        shift = of.shift_at(moment)
        local = of.local(moment).replace(tzinfo=None)
        assert said == [local, shift.name, shift.day, shift.began]
    assert len(answers) > 13_000


def test_a_part_that_comes_again_is_counted_once_where_it_came_last(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(
            inspection(at("2026-11-23 06:00"), 0.9, part_id="mended"),
            inspection(at("2026-11-23 07:00"), 0.1, part_id="good"),
            inspection(at("2026-11-23 20:30"), 0.1, part_id="then bad"),
            inspection(at("2026-11-23 22:00"), 0.1, part_id="mended"),
            inspection(at("2026-11-24 03:00"), 0.9, part_id="then bad"),
            inspection(at("2026-11-24 05:30"), None, part_id="dull"),
            event(at("2026-11-24 06:00")),
        )
        with asked(made, calendar("Europe/Berlin")) as sql:
            shifts = sql.execute(
                "SELECT day::VARCHAR, shift, parts, accepted, rejected, held, came_again, yield, "
                "first_pass_yield FROM shift_yield ORDER BY first_part"
            ).fetchall()
            days = sql.execute(
                "SELECT day::VARCHAR, parts, accepted, yield FROM part_yield ORDER BY day"
            ).fetchall()
            frames = sql.execute(
                "SELECT day::VARCHAR, shift, inspected FROM shift_inspections ORDER BY ALL"
            ).fetchall()
    assert shifts == [
        ("2026-11-23", "early", 1, 1, 0, 0, 0, 1.0, 1.0),
        ("2026-11-23", "night's", 2, 1, 1, 0, 2, 0.5, 0.5),
        ("2026-11-24", "early", 1, 0, 0, 1, 0, 0.0, 0.0),
    ]
    assert days == [("2026-11-23", 3, 2, pytest.approx(2 / 3)), ("2026-11-24", 1, 0, 0.0)]
    assert frames == [
        ("2026-11-23", "early", 2),
        ("2026-11-23", "late", 1),
        ("2026-11-23", "night's", 2),
        ("2026-11-24", "early", 1),
    ]


def test_the_count_closes_by_the_shifts_of_the_station(tmp_path: Path) -> None:
    moments = ("2026-11-23 06:00", "2026-11-23 22:00", "2026-11-24 03:00", "2026-11-24 05:30")
    with log(tmp_path) as made:
        for number, moment in zip((4, 5, 9, 10), moments, strict=True):
            at_then = at(moment)
            made.add(inspection(at_then, captured_at=at_then, camera_frame_number=number))
        with asked(made, calendar("Europe/Berlin")) as sql:
            counts = sql.execute(
                "SELECT day::VARCHAR, shift, triggers, numbers_skipped, closes "
                "FROM shift_closure ORDER BY ALL"
            ).fetchall()
    assert counts == [
        ("2026-11-23", "early", 1, 0, True),
        ("2026-11-23", "night's", 2, 3, False),
        ("2026-11-24", "early", 1, 0, True),
    ]


def test_a_part_seen_by_two_cameras_is_what_the_worse_of_them_says(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(
            inspection(at("2026-11-23 06:00"), 0.9, part_id="p", camera="left"),
            inspection(at("2026-11-23 06:01"), 0.1, part_id="p", camera="top"),
            event(at("2026-11-23 06:02")),
        )
        with asked(made, UTC_CALENDAR) as sql:
            (row,) = sql.execute("SELECT disposition, attempts, reason FROM parts()").fetchall()
    assert row == ("REJECT", 1, "score_reaches_threshold")


def test_parts_of_a_period_are_those_recorded_in_it(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(
            inspection(at("2026-11-23 06:00"), 0.9, part_id="p"),
            inspection(at("2026-11-23 08:00"), 0.1, part_id="p"),
            event(at("2026-11-23 09:00")),
        )
        with asked(made, UTC_CALENDAR) as sql:
            (before,) = sql.execute("FROM parts(until := '2026-11-23 07:00')").fetchall()
            (all_of_it,) = sql.execute("FROM parts('2026-11-23')").fetchall()
    assert (before[3], all_of_it[3]) == ("REJECT", "ACCEPT")


def test_now_is_utc_in_a_session_wherever_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with log(tmp_path) as made:
        made.add(inspection(at("2026-11-23 06:00")), event(at("2026-11-23 06:00")))
        made.publisher.publish()
        with SqlSession(made.published, tmp_path / "spill", (), calendar("Asia/Tokyo")) as session:
            result = session.execute(
                "SELECT now()::TIMESTAMP, current_setting('TimeZone'), utc_now(), local_now()"
            )
            [[(now, named, utc, local)]] = list(result.portions)
    true = datetime.now(timezone.utc).replace(tzinfo=None)
    assert abs(now - true) < timedelta(minutes=1)
    assert (named, utc, local - utc) == ("UTC", now, timedelta(hours=9))
