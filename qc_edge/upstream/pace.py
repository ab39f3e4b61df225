"""How fast it goes: megabytes a second by the clock of the wall, so that a plant's network is free
by day.
"""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable
from datetime import datetime, time

from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings

_LOOK_S = 1.0
"""While it waits, the limit is looked at again this often: the hours may begin meanwhile."""


class SendingPace:
    """Lets bytes through at no more than the limit that is in force. Any thread may call it."""

    def __init__(self, limit: Callable[[], float]) -> None:
        """`limit` gives the bytes a second that are allowed now; 0: as many as there are."""
        self._limit = limit
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._never = threading.Event()

    def take(self, size: int) -> None:
        """Wait until `size` bytes may go."""
        while True:
            with self._lock:
                now, limit = clock.monotonic(), self._limit()
                if not limit or self._free_at <= now:
                    self._free_at = max(now, self._free_at) + size / limit if limit else now
                    return
                wait = self._free_at - now
            self._never.wait(min(wait, _LOOK_S))


def pace_of(settings: Settings, now: Callable[[], datetime] = utc_now) -> SendingPace:
    """The pace that the settings ask for."""
    upstream, zone = settings.upstream, settings.station.calendar.zone
    window = upstream.window

    def limit() -> float:
        inside = window is None or is_within(now().astimezone(zone).time(), *window)
        return (upstream.limit_mb_s if inside else upstream.limit_outside_mb_s) * 1e6

    return SendingPace(limit)


def is_within(moment: time, begin: time, end: time) -> bool:
    """True from `begin` up to but without `end`, which may be of the next day."""
    if begin <= end:
        return begin <= moment < end
    return moment >= begin or moment < end
