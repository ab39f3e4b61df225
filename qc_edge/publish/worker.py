"""Publishing: keeps the published log a few seconds behind the log, and seals the days that are
over.

Never touches a row or a frame. What fails here is logged and tried again: the line does not wait
for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from qc_edge.errors import StoreError
from qc_edge.publish.publisher import Publisher
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.priority import lower_priority

_COMPARE_S = 3600.0
"""Files that somebody deleted or damaged are written again within the hour."""

_SEAL_AFTER_S = 300.0
"""A clock that was wrong at boot has been set by then: a day sealed too early takes no more rows.
"""

_SEAL_S = 60.0

_FINISH_S = 2.0
"""The most that a stop spends on the first comparison where that was not through."""

_NICE = 5


class PublishWorker:
    """The work of the publisher's thread. `every_s`, the seconds between two passes, may be set by
    another thread at any time.
    """

    def __init__(self, publisher: Publisher, every_s: float, clock: FrameClock) -> None:
        self.every_s = every_s
        self.ready = threading.Event()
        """Set once every table has a published file."""
        self._publisher = publisher
        self._clock = clock
        self._last_error = ""
        self._busy = threading.Lock()
        self._compared_at = self._looked_at = -_COMPARE_S
        self._up_to_date_at = time.monotonic()

    @property
    def lag_s(self) -> float:
        """Seconds since the published files last held every row of the log."""
        return time.monotonic() - self._up_to_date_at

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Publish every few seconds until `stop`. At low priority: a verdict never waits for it."""
        lower_priority(_NICE)
        started = time.monotonic()

        def go_on() -> None:
            heartbeat.beat()
            if stop.is_set():
                raise _StopRequestedError

        with self._busy, suppress(_StopRequestedError):
            while True:
                go_on()
                try:
                    self._work(go_on, time.monotonic() - started > _SEAL_AFTER_S)
                    self._last_error, self._up_to_date_at = "", time.monotonic()
                except (StoreError, OSError) as fault:
                    if str(fault) != self._last_error:
                        LOG.error("publishing: %s", fault)
                    self._last_error = str(fault)
                again = time.monotonic() + self.every_s
                while (left := again - time.monotonic()) > 0:
                    stop.wait(min(left, 1.0))
                    go_on()

    def finish(self) -> None:
        """Publish the last rows of a station that has stopped; to be called once its threads have
        ended. Does nothing while `run`, which did not end in time, still works.
        """
        if not self._busy.acquire(blocking=False):
            return
        end = time.monotonic() + _FINISH_S

        def go_on() -> None:
            if time.monotonic() > end:
                raise _StopRequestedError

        try:
            if self.ready.is_set():
                self._publisher.publish()
            else:  # stopped before the first comparison was through
                self._publisher.compare(utc_now(), go_on)
        except _StopRequestedError:
            LOG.info("publishing: stopped half way; the next start publishes the rest")
        except (StoreError, OSError) as fault:
            LOG.error("publishing: %s; the next start publishes the rest", fault)
        finally:
            self._busy.release()

    def _work(self, go_on: Callable[[], None], may_seal: bool) -> None:
        now = time.monotonic()
        if now - self._compared_at >= _COMPARE_S:
            if written := self._publisher.compare(utc_now(), go_on):
                LOG.info("publishing: %d files brought up to the log", written)
            self._compared_at = now
            self.ready.set()
        else:
            self._publisher.publish(go_on)
        if now - self._looked_at <= _SEAL_S:
            return
        self._looked_at = now
        self._publisher.mend_seals(go_on)
        if may_seal:
            ahead_of = utc_now() if self._clock.is_settled else None
            for day in self._publisher.due(self._clock.sealing_now(), ahead_of):
                self._publisher.seal(day, utc_now(), go_on)

        def between_files() -> None:
            # The index of a long day takes a while, for which new rows do not wait.
            go_on()
            if self.lag_s >= self.every_s:
                self._publisher.publish(go_on)
                self._up_to_date_at = time.monotonic()

        self._publisher.tend_indexes(between_files)


class _StopRequestedError(Exception):
    """Raised between two files when the station stops: the next start publishes the rest."""
