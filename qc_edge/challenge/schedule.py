"""When a challenge is due: after what has changed since the last one, or by time. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from qc_edge.domain.challenges.rows import ChallengeOutcome
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.recipe.rules import Rules, ViewRules
from qc_edge.settings.discipline.challenge import ChallengeSettings

_CHANGES = {
    "models": "the model, or what runs it,",
    "thresholds": "the threshold",
    "calibrations": "the calibration",
}


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """What judges, as far as a challenge proves it. `recipe` is a name without its revision, ""
    without one; the others name what is in force, view by view.
    """

    recipe: str
    changeover: str
    models: str
    thresholds: str
    calibrations: str

    @classmethod
    def of(cls, rules: Rules) -> JudgedBy:
        """By these rules."""
        views = _views(rules)
        changeover = rules.recipe_in_force.changeover.record_id if rules.recipe_in_force else ""
        return cls(
            recipe=(rules.recipe or "").partition("@")[0],
            changeover=changeover,
            models=_words({each.name: _model(each) for each in views}),
            thresholds=_words({each.name: each.threshold.threshold_id for each in views}),
            calibrations=_words({each.name: each.calibration.calibration_id for each in views}),
        )

    def to_json(self) -> str:
        """As a row has it."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class LastChallenge:
    """How the last one of a recipe ended that was not given up (aware UTC)."""

    outcome: str
    ended_at: datetime
    detail: str
    in_force: Mapping[str, str]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> LastChallenge:
        """From the row of it."""
        ended: datetime = row["recorded_at"]
        ended = ended if ended.tzinfo else ended.replace(tzinfo=timezone.utc)
        return cls(row["outcome"], ended, row["detail"], json.loads(row["in_force"]))


def why_due(
    settings: ChallengeSettings,
    calendar: StationCalendar,
    last: LastChallenge | None,
    judged_by: JudgedBy,
    now: datetime,
) -> str:
    """Why a challenge is due `now` (aware UTC), in words; empty if none is.

    A challenge that failed is due again, whatever the schedule says.
    """
    if last is not None and last.outcome == ChallengeOutcome.FAILED:
        return f"the last one failed: {last.detail}"
    if not settings.is_on:
        return ""
    if last is None:
        return "none has been passed yet"
    if settings.at_changeover and last.in_force.get("changeover") != judged_by.changeover:
        return "the recipe has been changed over"
    if settings.at_change:
        is_now = asdict(judged_by)
        for key, words in _CHANGES.items():
            if last.in_force.get(key) != is_now[key]:
                return f"{words} has changed"
    return _by_time(settings, calendar, last, now)


def next_by_time(
    settings: ChallengeSettings, calendar: StationCalendar, last: LastChallenge, now: datetime
) -> datetime | None:
    """When the next one is due by time alone; None if it never is."""
    found = []
    if settings.every_h:
        found.append(last.ended_at + timedelta(hours=settings.every_h))
    if settings.at_shift_start:
        span = calendar.shift_span(now) if calendar.shifts else calendar.day_span(now)
        if span is not None:
            found.append(span[1])
    return min(found, default=None)


def _by_time(
    settings: ChallengeSettings, calendar: StationCalendar, last: LastChallenge, now: datetime
) -> str:
    if settings.at_shift_start:
        span = calendar.shift_span(now) if calendar.shifts else calendar.day_span(now)
        if span is not None and last.ended_at < span[0]:
            began = calendar.local(span[0])
            name = calendar.shift_at(now).name
            return f"{f'shift {name}' if name else 'the day'} began at {began:%H:%M}"
    if settings.every_h and now - last.ended_at >= timedelta(hours=settings.every_h):
        return f"the last one was {settings.every_h:g} h ago"
    # A clock that was put back makes the last one lie ahead: nobody knows how long ago it was.
    if last.ended_at - now > timedelta(hours=1):
        return "the clock stands before the last one"
    return ""


def _views(rules: Rules) -> tuple[ViewRules, ...]:
    if rules.views:
        return tuple(rules.views.values())
    return tuple(rules.view(camera) for camera in sorted(rules.calibrations))


def _model(view: ViewRules) -> str:
    engine = view.engine
    plan = f" {engine.plan_sha256[:12]}" if engine.plan_sha256 else ""
    runs = f"{engine.backend} {engine.version}{plan}"
    return f"{view.bundle.reference} {view.bundle.sha256[:12]} {runs}"


def _words(values: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in values.items())
