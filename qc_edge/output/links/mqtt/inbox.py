"""The line's commands as they come from a broker, in order; what does not count is counted."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from qc_edge.output.handshake.words import FromLine
from qc_edge.output.links import Heard
from qc_edge.output.links.mqtt import messages

_MOST_HEARD = 1024
_MOST_REFUSED = 8


class CommandInbox:
    """`take` by the broker's thread, everything else by the output's; `refused` by any."""

    def __init__(self) -> None:
        self.run = ""
        """The run of the newest command that `heard` has given out."""
        self._lock = threading.Lock()
        self._heard: list[tuple[str, Heard]] = []
        self._written = FromLine()
        self._newest_run = ""
        self._refused: dict[str, int] = {}

    @property
    def refused(self) -> list[str]:
        """In words."""
        return [f"refused {times}x: {what}" for what, times in dict(self._refused).items()]

    def heard(self) -> list[Heard]:
        """What came since the last call."""
        with self._lock:
            heard, self._heard = self._heard, []
        if heard:
            # Only now, with what the handshake is about to hear: results of the run before are
            # taken away before anything is published for this one.
            self.run = heard[-1][0]
        return [each for _, each in heard]

    def take(self, name: str, payload: bytes, *, is_kept: bool) -> bool:
        """A message of the topic `name` below `line`; whether it counts."""
        try:
            if is_kept:
                raise ValueError(f"{name}: the broker kept it from before")
            self._take(name, messages.command(name, payload))
        except ValueError as refused:
            if str(refused) in self._refused or len(self._refused) < _MOST_REFUSED:
                self._refused[str(refused)] = self._refused.get(str(refused), 0) + 1
            return False
        return True

    def _take(self, name: str, given: messages.Command) -> None:
        """A reset begins a run; any other command has to be of the run that began last."""
        now_ns = time.monotonic_ns()
        is_new = given.run != self._newest_run
        if is_new and name not in ("reset", "trigger"):
            raise ValueError(f"{name}: of another run than the last reset")
        with self._lock:
            if len(self._heard) >= _MOST_HEARD:
                raise ValueError(f"{name}: {_MOST_HEARD} before it wait")
            # Of a new beginning nothing stands that the one before has written.
            before = FromLine() if is_new or name == "reset" else self._written
            self._written = replace(before, **given.values)  # type: ignore[arg-type]
            self._heard.append((given.run, Heard(self._written, now_ns, is_new)))
        self._newest_run = given.run
