"""How often log-ins may be tried: after five wrong ones in a row the next has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_FREE = 5
_FIRST_WAIT_S = 30.0
_LONGEST_WAIT_S = 900.0
_FORGOTTEN_S = 3600.0
_KEPT = 1000


@dataclass(slots=True)
class _Misses:
    count: int
    last: float


class Attempts:
    """Wrong log-ins by key (an address, a name). From any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._misses: dict[str, _Misses] = {}

    def wait_s(self, *keys: str) -> float:
        """For how many seconds nobody may try under any of these keys; 0: now."""
        with self._lock:
            return max((self._wait_s(key) for key in keys), default=0.0)

    def missed(self, *keys: str) -> None:
        """A wrong one."""
        with self._lock:
            now = self._now()
            for key in keys:
                misses = self._misses.get(key)
                if misses is None or now - misses.last > _FORGOTTEN_S:
                    self._misses[key] = misses = _Misses(0, now)
                misses.count, misses.last = misses.count + 1, now
            # Names are made up by whoever tries them: the oldest are forgotten.
            while len(self._misses) > _KEPT:
                del self._misses[next(iter(self._misses))]

    def succeeded(self, *keys: str) -> None:
        """A right one: these keys begin anew."""
        with self._lock:
            for key in keys:
                self._misses.pop(key, None)

    def _wait_s(self, key: str) -> float:
        misses = self._misses.get(key)
        if misses is None or misses.count < _FREE:
            return 0.0
        wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (misses.count - _FREE))
        return max(0.0, misses.last + wait - self._now())
