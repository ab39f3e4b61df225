"""From when on what was judged is suspect: by the last proof, or by what turned out to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

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
    """The window of a cause, up to `now` (aware UTC). Raises UsageError if the log has nothing to
    begin at, StoreError.
    """
    if cause is SuspectCause.CHALLENGE:
        return _since_passed(log, now, recipe)
    if cause is SuspectCause.LENS:
        return _of_lens(log, now, recipe)
    at = _newest_event(log, str(cause))
    if cause is SuspectCause.CALIBRATION and (expired := _expired_since(log, at)):
        words = f"the calibration was out of date from {expired:%Y-%m-%d %H:%M:%S} UTC on"
        return SuspectWindow(expired, now, words, recipe)
    if at is None:
        raise _nothing(f"the log has no event {cause}")
    words = f"the {cause} in force has been so since {at:%Y-%m-%d %H:%M:%S} UTC"
    if cause is SuspectCause.CLOCK:
        words = f"the clock changed last at {at:%Y-%m-%d %H:%M:%S} UTC"
    return SuspectWindow(at, now, words, recipe)


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
        f"SELECT recorded_at FROM {relation} WHERE outcome = $outcome "  # noqa: S608
        "AND recipe IS NOT DISTINCT FROM $recipe ORDER BY chain_seq DESC LIMIT 1",
        {"outcome": str(ChallengeOutcome.PASSED), "recipe": recipe},
    )
    if not rows:
        raise _nothing(f"no challenge{f' of {recipe}' if recipe else ''} has been passed")
    # It proves what was judged before it: what was judged while it ran was held.
    ended = aware(rows[0][0])
    words = f"the last challenge that passed ended at {ended:%Y-%m-%d %H:%M:%S} UTC"
    return SuspectWindow(ended, now, words, recipe or None)


def _of_lens(log: PublishedCursor, now: datetime, recipe: str | None) -> SuspectWindow:
    """Since the camera was last seen to be right: by a challenge, or by a calibration."""
    calibrated = _newest_event(log, str(SuspectCause.CALIBRATION))
    try:
        passed = _since_passed(log, now, recipe)
    except UsageError:
        if calibrated is None:
            raise
        passed = None
    if passed is not None and (calibrated is None or passed.since >= calibrated):
        return passed
    assert calibrated is not None  # noqa: S101
    words = f"the last calibration was at {calibrated:%Y-%m-%d %H:%M:%S} UTC"
    return SuspectWindow(calibrated, now, words, recipe)


def _newest_event(log: PublishedCursor, kind: str) -> datetime | None:
    relation = log.relation("events")
    if relation is None:
        return None
    # By the chain, not by the time: after a clock that stood ahead, the latest is not the newest.
    rows = log.fetch(
        f"SELECT recorded_at FROM {relation} WHERE kind = $kind ORDER BY chain_seq DESC LIMIT 1",  # noqa: S608
        {"kind": kind},
    )
    return aware(rows[0][0]) if rows else None


def _expired_since(log: PublishedCursor, after: datetime | None) -> datetime | None:
    """When the first frame was judged by a calibration that was out of date, since it came."""
    columns = ("recorded_at", "calibration_in_date")
    relation = log.relation("inspections", Span(since=after), columns)
    if relation is None:
        return None
    rows = log.fetch(
        f"SELECT min(recorded_at) FROM {relation} WHERE NOT calibration_in_date "  # noqa: S608
        "AND recorded_at >= $after",
        {"after": (after.replace(tzinfo=None) if after else datetime(2000, 1, 1))},  # noqa: DTZ001
    )
    return aware(rows[0][0]) if rows and rows[0][0] else None


def _nothing(words: str) -> UsageError:
    return UsageError(words, hint="say from when on: --from 2026-11-28T06:00 (UTC)")
