"""How fast the room on the disk goes, and when it will have gone at that rate."""

from __future__ import annotations

from collections import deque

_EVERY_S = 600.0
_SPAN_S = 86_400.0
"""A day has its shifts and pauses; what was before it says less of tomorrow."""

_LEAST_S = 1800.0
"""Before that a station that has just started would foretell from its start."""

AMBER_DAYS, RED_DAYS = 14.0, 2.0
"""Somebody should plan; somebody has to come."""


class DiskTrend:
    """Keeps how much room there was, every ten minutes for a day. Used by one thread, read by any.

    The room that is looked at is what rules and compression have left: so it goes slower, or not at
    all, where they keep up.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=round(_SPAN_S / _EVERY_S) + 1)

    def see(self, now_s: float, free_mb: float) -> None:
        """There is so much room at that moment of a clock that is never stepped."""
        if not self._seen or now_s - self._seen[-1][0] >= _EVERY_S:
            self._seen.append((now_s, free_mb))

    def days_left(self, stop_mb: float) -> float | None:
        """Days until only `stop_mb` are left, at the rate of the last day; None while that is not
        known, or the room does not become less.
        """
        if len(self._seen) < 2:
            return None
        (began, before), (ended, now) = self._seen[0], self._seen[-1]
        lost = before - now
        if ended - began < _LEAST_S or lost <= 0:
            return None
        return max(0.0, now - stop_mb) / lost * (ended - began) / 86_400

    def words(self, stop_mb: float) -> str:
        """`full in 19 days at this rate`; empty while that is not known, or years away."""
        days = self.days_left(stop_mb)
        if days is None or days > 1000:
            return ""
        when = f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"
        return f"full in {when} at this rate"
