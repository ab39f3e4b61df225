"""The shift plan of a week: which shift runs at which minute, and on which day it began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Shift:
    """One line of the plan: `start` and `end` in minutes after midnight as clocks on the wall show
    them, `days` (0: Monday) on which it starts.

    Without an `end` it lasts until the next shift starts, a day at most.
    """

    name: str
    start: int
    end: int | None
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WeekSegment:
    """A stretch of the week from the minute `begins` (after Monday 00:00) to the next segment.

    `name` is None outside of all shifts. The shift began `days_back` midnights before, at `start`
    minutes after midnight.
    """

    begins: int
    name: str | None = None
    days_back: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True)
class ShiftRun:
    """A shift on one day of the week: from the minute `begins` up to `ends`, which may be in the
    next week.
    """

    shift: Shift
    begins: int
    ends: int


def shift_runs(shifts: Sequence[Shift]) -> list[ShiftRun]:
    """Every run of every shift in a week, in order; without an end of its own, up to the next."""
    begins = sorted(
        ((day * DAY_MINUTES + shift.start, shift) for shift in shifts for day in shift.days),
        key=lambda begin: begin[0],
    )
    following = [minute for minute, _ in begins[1:]] + [
        minute + WEEK_MINUTES for minute, _ in begins[:1]
    ]
    runs = []
    for (minute, shift), next_begin in zip(begins, following, strict=True):
        if shift.end is None:
            length = min(next_begin - minute, DAY_MINUTES)
        else:
            length = (shift.end - shift.start - 1) % DAY_MINUTES + 1
        runs.append(ShiftRun(shift, minute, minute + length))
    return runs


def overlaps(shifts: Sequence[Shift]) -> Iterator[tuple[ShiftRun, ShiftRun]]:
    """Each run that goes on, by its own end, when the next one starts; or starts with it."""
    runs = shift_runs(shifts)
    for run, following in zip(runs, runs[1:] + runs[:1], strict=True):
        begins = following.begins + (WEEK_MINUTES if following is runs[0] else 0)
        if run.ends > begins or run.begins == begins:
            yield run, following


@cache
def week_segments(shifts: tuple[Shift, ...]) -> tuple[WeekSegment, ...]:
    """The whole week from minute 0 on, in order. The shifts must not overlap."""
    segments: dict[int, WeekSegment] = {}
    for run in shift_runs(shifts):
        segments[run.begins] = WeekSegment(run.begins, run.shift.name, 0, run.shift.start)
        midnight = (run.begins // DAY_MINUTES + 1) * DAY_MINUTES
        if run.ends > midnight:
            after = midnight % WEEK_MINUTES
            segments[after] = WeekSegment(after, run.shift.name, 1, run.shift.start)
    for run in shift_runs(shifts):
        end = run.ends % WEEK_MINUTES
        segments.setdefault(end, WeekSegment(end))
    segments.setdefault(0, WeekSegment(0))
    return tuple(segments[minute] for minute in sorted(segments))
