"""From when on what was judged is suspect: by the last proof, or by what turned out to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from qc_edge.discipline.suspect.changes import (
    LoggedChange,
    beginning,
    newest_calibrations,
    newest_events,
)
from qc_edge.domain.challenges.rows import ChallengeOutcome
from qc_edge.errors import UsageError
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware


class SuspectCause(str, Enum):
    """What turned out to be wrong. The codes stand in the reasons of holds."""

    CHALLENGE = "challenge"
    CALIBRATION = "calibration"
    MODEL = "model"
    THRESHOLD = "threshold"
    CLOCK = "clock"
    LENS = "lens"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class SuspectWindow:
    """What was judged from `since` up to but without `until` (aware UTC); `recipe` is the name of
    the only recipe that it is about, None: any. `words` say how it was found.
    """

    since: datetime
    until: datetime
    words: str
    recipe: str | None = None


def window_of(
    log: PublishedCursor, cause: SuspectCause, now: datetime, recipe: str | None
) -> SuspectWindow:
    """The window of a cause, up to `now` (aware UTC), which may lie in the past: what came after is
    left out. Raises UsageError if the log has nothing to begin at, StoreError.
    """
    if cause is SuspectCause.CHALLENGE:
        return _since_passed(log, now, recipe)
    if cause is SuspectCause.LENS:
        return _of_lens(log, now, recipe)
    if cause is SuspectCause.CLOCK:
        return _of_clock(log, now, recipe)
    changes = newest_events(log, str(cause), now)
    if cause is SuspectCause.CALIBRATION and (expired := _expired(log, changes, now, recipe)):
        return expired
    if not changes:
        raise _nothing(f"the log has no event {cause} before {now:%Y-%m-%d %H:%M:%S} UTC")
    newest, *before = changes
    if before and newest.takes_back(before[0]):
        return _until_taken_back(log, cause, before[0], newest, recipe)
    words = f"the {cause} in force has been so since {newest.at:%Y-%m-%d %H:%M:%S} UTC"
    since = beginning(log, newest.at, newest.number)
    return SuspectWindow(since, now, f"{words} ({newest.detail})", recipe)


_JUDGED_BY = {
    SuspectCause.THRESHOLD: "threshold_id",
    SuspectCause.MODEL: "model_name || '@' || model_version",
    SuspectCause.CALIBRATION: "calibration_id",
}


def _until_taken_back(
    log: PublishedCursor,
    cause: SuspectCause,
    wrong: LoggedChange,
    right: LoggedChange,
    recipe: str | None,
) -> SuspectWindow:
    """What was wrong is in force no more: people set it right first, and ask then."""
    since, until = beginning(log, wrong.at, wrong.number), right.at
    # Frames that were under way at the change were judged as before, a moment later.
    relation = log.relation("inspections", Span(since=since))
    if relation is not None:
        ((last,),) = log.fetch(
            f"SELECT max(recorded_at) FROM {relation} WHERE {_JUDGED_BY[cause]} = $wrong "  # noqa: S608
            "AND chain_seq > $number",
            {"wrong": wrong.after, "number": wrong.number},
        )
        until = max(until, aware(last) + timedelta(microseconds=1)) if last else until
    words = (
        f"the {cause} {wrong.after} was in force from {wrong.at:%Y-%m-%d %H:%M:%S} to "
        f"{right.at:%Y-%m-%d %H:%M:%S} UTC and was taken back then"
    )
    return SuspectWindow(since, until, words, recipe)


def _of_clock(log: PublishedCursor, now: datetime, recipe: str | None) -> SuspectWindow:
    """What was judged while the clock may have been wrong, found by the chain: its times are what
    is in doubt, so the window reaches from the earliest to the latest of them.
    """
    changes = newest_events(log, str(SuspectCause.CLOCK), None)
    if not changes:
        raise _nothing("the log has no event clock")
    newest, *before = changes
    since, is_wrong_now = newest, "no longer" in newest.detail
    if not is_wrong_now:
        # It was set right, or wrong: what came before the step is in doubt, too.
        starts = newest_events(log, "started", None, newest.number)
        since = max([*before, *starts], key=lambda each: each.number, default=newest)
    words = f"the clock changed last at {newest.at:%Y-%m-%d %H:%M:%S} UTC ({newest.detail})"
    if since is not newest:
        words = f"{words}, before that nothing was said of it since {since.at:%Y-%m-%d %H:%M:%S}"
    relation = log.relation("inspections", columns=("recorded_at", "chain_seq"))
    ((first, last),) = (
        log.fetch(
            f"SELECT min(recorded_at), max(recorded_at) FROM {relation} WHERE chain_seq > $number",  # noqa: S608
            {"number": since.number},
        )
        if relation
        else [(None, None)]
    )
    begins = min(since.at, aware(first)) if first else since.at
    ends = max(now, aware(last) + timedelta(microseconds=1)) if last else now
    return SuspectWindow(begins, ends, words, recipe)


def _since_passed(log: PublishedCursor, now: datetime, recipe: str | None) -> SuspectWindow:
    relation = log.relation("challenges")
    if relation is None:
        raise _nothing("no challenge has been passed")
    if recipe is None:
        # Parts that were shown, too: one that was missed counts before its challenge has ended.
        shown = log.relation("challenge_results")
        both = [f"SELECT recipe, chain_seq FROM {each}" for each in (relation, shown) if each]  # noqa: S608
        newest = log.fetch(
            f"SELECT recipe FROM ({' UNION ALL '.join(both)}) ORDER BY chain_seq DESC LIMIT 1"  # noqa: S608
        )
        recipe = newest[0][0] if newest else None
    rows = log.fetch(
        f"SELECT recorded_at, outcome, chain_seq FROM {relation} "  # noqa: S608
        "WHERE outcome IN ($passed, $failed) "
        "AND recipe IS NOT DISTINCT FROM $recipe AND recorded_at < $now ORDER BY chain_seq DESC",
        {
            "passed": str(ChallengeOutcome.PASSED),
            "failed": str(ChallengeOutcome.FAILED),
            "recipe": recipe,
            "now": now.replace(tzinfo=None),
        },
    )
    passed = [number for number, row in enumerate(rows) if row[1] == str(ChallengeOutcome.PASSED)]
    if not passed:
        raise _nothing(f"no challenge{f' of {recipe}' if recipe else ''} has been passed")
    # It proves what was judged before it: what was judged while it ran was held.
    ended, before = aware(rows[passed[0]][0]), rows[passed[0] + 1 : passed[0] + 2]
    words = f"the last challenge that passed ended at {ended:%Y-%m-%d %H:%M:%S} UTC"
    if before and before[0][1] == str(ChallengeOutcome.FAILED):
        failed = aware(before[0][0])
        words = f"{words}; the one before it failed: --to {failed:%Y-%m-%dT%H:%M:%S} is up to that"
    since = beginning(log, ended, rows[passed[0]][2])
    return SuspectWindow(since, now, words, recipe or None)


def _of_lens(log: PublishedCursor, now: datetime, recipe: str | None) -> SuspectWindow:
    """Since the camera was last seen to be right: by a challenge, or by a calibration."""
    changes = newest_calibrations(log, now)
    calibrated = changes[0] if changes else None
    try:
        passed = _since_passed(log, now, recipe)
    except UsageError:
        if calibrated is None:
            raise
        passed = None
    if passed is not None and (calibrated is None or passed.since >= calibrated.at):
        return passed
    assert calibrated is not None  # noqa: S101
    words = f"the last calibration was at {calibrated.at:%Y-%m-%d %H:%M:%S} UTC"
    if len(changes) > 1:
        words = f"{words} ({calibrated.detail}); other cameras were calibrated since"
    since = beginning(log, calibrated.at, calibrated.number)
    return SuspectWindow(since, now, words, recipe)


def _expired(
    log: PublishedCursor, changes: list[LoggedChange], now: datetime, recipe: str | None
) -> SuspectWindow | None:
    """What was judged by a calibration that was out of date: by the one in force, or by the one
    that it replaced.
    """
    begins = changes[-1].at if changes else datetime(2000, 1, 1, tzinfo=timezone.utc)
    columns = ("recorded_at", "calibration_in_date")
    relation = log.relation("inspections", Span(since=begins), columns)
    if relation is None:
        return None
    ((first, last),) = log.fetch(
        f"SELECT min(recorded_at), max(recorded_at) FROM {relation} WHERE NOT calibration_in_date "  # noqa: S608
        "AND recorded_at >= $since AND recorded_at < $now",
        {"since": begins.replace(tzinfo=None), "now": now.replace(tzinfo=None)},
    )
    if first is None:
        return None
    since, until = aware(first), now
    words = f"the calibration was out of date from {since:%Y-%m-%d %H:%M:%S} UTC on"
    if changes and since < changes[0].at:
        until = max(changes[0].at, aware(last) + timedelta(microseconds=1))
        words = f"{words}, until another came at {changes[0].at:%Y-%m-%d %H:%M:%S}"
    return SuspectWindow(since, until, words, recipe)


def _nothing(words: str) -> UsageError:
    return UsageError(words, hint="say from when on: --from 2026-11-28T06:00 (UTC)")
