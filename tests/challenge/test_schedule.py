"""When a challenge is due."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from qc_edge.challenge.schedule import JudgedBy, LastChallenge, next_by_time, why_due
from qc_edge.domain.shifts import Shift
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.settings.discipline.challenge import ChallengeSettings

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
BY = JudgedBy("bottle", "c1", "m1", "t1", "k1")
WEEK = (0, 1, 2, 3, 4, 5, 6)
EARLY_AND_LATE = StationCalendar(
    shifts=(Shift("early", 6 * 60, 14 * 60, WEEK), Shift("late", 14 * 60, 22 * 60, WEEK))
)


def last(ago_h: float, outcome: str = "passed", by: JudgedBy = BY) -> LastChallenge:
    return LastChallenge(
        outcome, NOON - timedelta(hours=ago_h), "R1 missed", json.loads(by.to_json())
    )


def due(settings: ChallengeSettings, before: LastChallenge | None, by: JudgedBy = BY) -> str:
    return why_due(settings, EARLY_AND_LATE, before, by, NOON)


def test_nothing_is_due_without_a_schedule() -> None:
    assert due(ChallengeSettings(), None) == ""


def test_what_failed_is_due_again_even_without_a_schedule() -> None:
    assert due(ChallengeSettings(), last(1, "failed")) == "the last one failed: R1 missed"


def test_an_override_counts_like_a_pass_until_the_next_is_due() -> None:
    assert due(ChallengeSettings(every_h=4), last(1, "overridden")) == ""
    assert due(ChallengeSettings(every_h=4), last(5, "overridden")) == "the last one was 4 h ago"


def test_each_shift_needs_its_own() -> None:
    settings = ChallengeSettings(at_shift_start=True)
    assert due(settings, last(5)) == ""
    assert due(settings, last(7)) == "shift early began at 06:00"
    assert next_by_time(settings, EARLY_AND_LATE, last(5), NOON) == NOON.replace(hour=14)


@pytest.mark.parametrize(
    ("settings", "by", "words"),
    [
        ({"at_changeover": True}, JudgedBy("bottle", "c2", "m1", "t1", "k1"), "changed over"),
        ({"at_change": True}, JudgedBy("bottle", "c2", "m1", "t1", "k1"), ""),
        ({"at_change": True}, JudgedBy("bottle", "c1", "m2", "t1", "k1"), "the model"),
        ({"at_change": True}, JudgedBy("bottle", "c1", "m1", "t2", "k1"), "the threshold"),
        ({"at_change": True}, JudgedBy("bottle", "c1", "m1", "t1", "k2"), "the calibration"),
        ({"every_h": 8.0}, JudgedBy("bottle", "c2", "m2", "t2", "k2"), ""),
    ],
)
def test_a_change_makes_it_due_where_that_is_asked_for(
    settings: dict[str, object], by: JudgedBy, words: str
) -> None:
    found = due(ChallengeSettings.model_validate(settings), last(1), by)
    assert words in found
    assert bool(found) == bool(words)


def test_a_clock_that_was_put_back_makes_it_due() -> None:
    assert "clock" in due(ChallengeSettings(every_h=4), last(-2))
