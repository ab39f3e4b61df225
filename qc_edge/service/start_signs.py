"""Signs of life to systemd while a station starts: sent as long as the process works.

A start may take minutes (a long journal, a model that is compiled); systemd is asked for more time
as long as it comes on, so that one that is stuck is ended within a minute.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from types import TracebackType

from qc_edge.service.notify import Notifier

MORE_TIME_USEC = 45_000_000
"""Asked for again and again. With the unit's TimeoutStartSec=45 a stuck start ends within that."""

_EVERY_S = 3.0
_BUSY = 0.02
"""A process that works uses more than 2 % of a processor, or moves blocks of a disk; this thread
alone uses a hundredth of that.
"""


class StartSigns:
    """A thread that asks systemd for more time; a context manager, from the start of the process
    until `end`.

    `usage` says how much the process has used so far: seconds of processor and blocks of disk.
    """

    def __init__(
        self,
        notifier: Notifier,
        every_s: float = _EVERY_S,
        usage: Callable[[], tuple[float, int]] | None = None,
    ) -> None:
        self._notifier = notifier
        self._every_s = every_s
        self._usage = usage or _usage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="start-signs", daemon=True)

    def __enter__(self) -> StartSigns:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """The start is over; may be called twice."""
        self._stop.set()

    def _run(self) -> None:
        seconds, blocks = self._usage()
        while not self._stop.wait(self._every_s):
            seconds_before, blocks_before = seconds, blocks
            seconds, blocks = self._usage()
            if seconds - seconds_before > _BUSY * self._every_s or blocks != blocks_before:
                # WATCHDOG: a station that holds for want of room has said READY already.
                self._notifier.send(f"EXTEND_TIMEOUT_USEC={MORE_TIME_USEC}", "WATCHDOG=1")


def _usage() -> tuple[float, int]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_inblock + used.ru_oublock
