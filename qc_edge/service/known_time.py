"""The time by which whatever has a date is judged: never behind what the station knows already.

A box whose clock battery is dead begins in 1970; an expired calibration must not be in date again
for that. Never sets a clock, never reads the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

SECOND = 1_000_000
DAY = 86_400 * SECOND

_TOLERANCE = 2 * SECOND
"""NTP steps a clock by less without anything being wrong with it."""

_STEP = 60 * SECOND
_STEADY_TRUSTED_S = 3600.0
_STEADY_S = 86_400.0
"""After a step forward: until no day can be the one that the step began in."""

_LONG_OFF = 2 * DAY
"""A box whose clock nothing synchronises and that seems to have been off for longer may have
begun in the future.
"""


@dataclass(frozen=True, slots=True)
class RecordedTimes:
    """Until when the log goes (us since the epoch, 0 if it is empty): by the rows that were
    recorded under a trusted clock, and by all rows that no later trusted clock calls wrong.
    """

    trusted_us: int = 0
    newest_us: int = 0


NOTHING_RECORDED = RecordedTimes()


class KnownTime:
    """The newest time known to this process: from the log at the start, then from its own clock.

    `wall_us` is the wall clock. `observe` is called by the thread that looks at the clock, the
    rest from any thread.
    """

    def __init__(
        self, wall_us: Callable[[], int], recorded: RecordedTimes, *, trusted: bool
    ) -> None:
        self._wall_us = wall_us
        self._trusted = trusted
        self._trusted_us = recorded.trusted_us
        self._newest_us = max(recorded.newest_us, recorded.trusted_us)
        self._since_ns = time.monotonic_ns()
        # What sealing goes by: the wall clock less the monotonic one (us), and since when it is so.
        self._offset = self._seal_offset = wall_us() - self._since_ns // 1000
        self._stepped_ns: int | None = None
        began_in_the_future = not trusted and wall_us() > self._newest_us + _LONG_OFF
        if self._newest_us and began_in_the_future:
            self._seal_offset = self._newest_us - self._since_ns // 1000
            self._stepped_ns = self._since_ns

    def observe(self, *, trusted: bool, newest_below: Callable[[int], int]) -> str | None:
        """Take the wall clock's time into account; in words what it proves wrong, or None.

        A trusted clock drops an untrusted time that lies more than a day ahead of it; then
        `newest_below` tells the newest time on record before a moment (us).
        """
        wall, words = self._wall_us(), None
        was_at = self._known(wall)
        self._trusted = trusted
        if trusted:
            limit = wall + DAY
            if was_at > limit and self._newest_us > self._trusted_us:
                self._set(max(self._trusted_us, newest_below(limit)))
                words = f"the newest known time, {_text(was_at)}, was wrong and counts no more"
            self._trusted_us = max(self._trusted_us, wall)
        if wall > self._known(wall):
            self._set(wall)
        return words

    def now_us(self) -> int:
        """What is judged by (us since the epoch): the wall clock, or the newest known time."""
        wall = self._wall_us()
        return max(wall, self._known(wall))

    def is_behind(self) -> bool:
        """Whether the wall clock is behind the newest known time."""
        wall = self._wall_us()
        return wall < self._known(wall) - _TOLERANCE

    def words(self) -> str:
        """That the clock is behind, and by what dates are judged; empty if it is not."""
        if not self.is_behind():
            return ""
        now = _text(self.now_us())
        return f"behind the newest known time: whatever has a date is judged by {now}"

    def sealing_us(self) -> int:
        """The days before this moment (us) are over, whatever the clock has been set to.

        A day that is sealed takes no more rows. So after a step forward the time before it counts
        on, until the clock has been steady for an hour (a trusted one) or for as long as the day
        in which it was stepped can last.
        """
        now_ns = time.monotonic_ns()
        wall, mono = self._wall_us(), now_ns // 1000
        if wall - mono > self._offset + _STEP:
            if self._stepped_ns is None:
                self._seal_offset = self._offset
            self._stepped_ns = now_ns
        self._offset = wall - mono
        if self._stepped_ns is not None:
            steady_s = _STEADY_TRUSTED_S if self._trusted else _STEADY_S
            if (now_ns - self._stepped_ns) / 1e9 < steady_s:
                return min(wall, mono + self._seal_offset)
            self._stepped_ns = None
        return wall

    @property
    def is_settled(self) -> bool:
        """True if the clock is trusted and was not stepped forward lately."""
        return self._trusted and self._stepped_ns is None

    def _known(self, wall: int) -> int:
        # While nothing vouches for the clock, time goes on from the newest that is known; a
        # trusted one gets there by itself.
        if self._trusted or wall >= self._newest_us:
            return self._newest_us
        return self._newest_us + (time.monotonic_ns() - self._since_ns) // 1000

    def _set(self, us: int) -> None:
        self._newest_us, self._since_ns = us, time.monotonic_ns()


def _text(us: int) -> str:
    return f"{datetime.fromtimestamp(us // SECOND, timezone.utc):%Y-%m-%d %H:%M} UTC"
