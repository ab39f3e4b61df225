"""Whether live parts are told in time, by those that were told last. Counts; decides nothing."""

from __future__ import annotations

import threading
import time

_MOST_LATE = 20
_LATE_S = 10.0
"""No part is told in time if the last 20 were late, or all of the last 10 s."""


class Timeliness:
    """Counts live parts that were told in time and late; from any thread.

    A part counts once, when it is told or when it is set back as too late. Times are in seconds of
    the monotonic clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._late_in_a_row = 0
        self._late_since = 0.0
        self._last_late: float | None = None

    def add(self, *, in_time: bool, now: float | None = None) -> None:
        """One more live part."""
        now = time.monotonic() if now is None else now
        with self._lock:
            if in_time:
                self._late_in_a_row = 0
                return
            # A line that paused since the last late part begins anew.
            if not self._late_in_a_row or not self._is_recent(now):
                self._late_in_a_row, self._late_since = 0, now
            self._late_in_a_row += 1
            self._last_late = now

    def is_behind(self, now: float | None = None) -> bool:
        """True if a part was late within the last 10 s."""
        with self._lock:
            return self._is_recent(time.monotonic() if now is None else now)

    def is_lost(self, now: float | None = None) -> bool:
        """True if no part is told in time: none of the last 20, or none for 10 s while parts came.

        False again with the first part in time, and 10 s after the last late one: a line that
        waits for the station to be ready sends no part that could show it.
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            if not self._late_in_a_row or not self._is_recent(now):
                return False
            is_long = now - self._late_since >= _LATE_S
            return self._late_in_a_row >= _MOST_LATE or is_long

    def _is_recent(self, now: float) -> bool:
        return self._last_late is not None and now - self._last_late < _LATE_S
