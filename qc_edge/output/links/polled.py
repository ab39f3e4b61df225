"""A controller whose memory the station reads and writes: the station is the one that asks.

The words stand there as they do on any wire. What is written may be read in pieces by the
controller's program, and the other way round: the commit is written by itself, last, and what came
with a trigger is read once more after the trigger was seen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from qc_edge.errors import OutputError
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import (
    FROM_LINE,
    FROM_LINE_AT,
    TO_LINE,
    FromLine,
    ToLine,
    decode_from_line,
    encode,
)
from qc_edge.output.links import Heard

_MOST_HEARD = 4096
_OPEN_S = 1.0
_CLOSE_S = 1.0
_COMMIT = TO_LINE[-1].address
_BEHIND = [
    place.address - FROM_LINE_AT for place in FROM_LINE if place.name in ("trigger", "closing")
]
"""What the line writes behind the words that belong to it."""


class ControllerMemory(Protocol):
    """The words of one controller. Used by one thread; everything raises OutputError when the
    controller cannot be reached or refuses, and takes a few seconds at most.
    """

    def connect(self) -> None:
        """Begin; what stands there is what the line has written before."""

    def read(self) -> Sequence[int]:
        """All words that the line writes, in one request."""

    def write(self, first: int, words: Sequence[int]) -> None:
        """Words that the line reads, from the address `first` on; on return they stand there."""

    def close(self) -> None:
        """Hang up; may be called at any time."""


class PolledLink:
    """Fulfils `qc_edge.output.links.LineLink` over any controller's memory."""

    def __init__(self, memory: ControllerMemory, place: str, poll_s: float) -> None:
        """`place` names the controller for people; it is read every `poll_s`."""
        self._memory, self._place, self._poll_s = memory, place, poll_s
        self._shown = encode(ToLine())
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._stop, self._connected = threading.Event(), threading.Event()
        self._wake: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._fault: OutputError | None = None
        self._misread = ""

    def open(self, wake: Callable[[], None]) -> None:
        """Connect. Raises OutputError if the controller does not answer, or not yet: one that
        takes its time is waited for at the next try, for a stop must not wait for it.
        """
        self._wake = wake
        if self._thread is None:
            self._fault = None
            # Events of its own for each thread: one that hangs must not go on by those of the next.
            self._stop, self._connected = threading.Event(), threading.Event()
            self._thread = threading.Thread(
                target=self._run,
                args=(self._stop, self._connected),
                name=f"controller-{self._place}",
                daemon=True,
            )
            self._thread.start()
        if not self._connected.wait(_OPEN_S):
            raise OutputError(f"the controller at {self._place} has not answered yet")
        if self._fault:
            self._thread = None
            raise self._fault

    def show(self, words: ToLine, _result: Result | None = None) -> None:
        """Have it written by the next turn."""
        self._shown = encode(words)
        self._changed.set()

    def heard(self) -> list[Heard]:
        """What the line has written since. Raises OutputError if the controller has gone."""
        if self._fault:
            raise self._fault
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    @property
    def peers(self) -> tuple[str, ...]:
        """The controller, while it answers."""
        if self._thread is None or self._fault or not self._connected.is_set():
            return ()
        return (self._place, *filter(None, [self._misread]))

    def close(self) -> None:
        """Leave nothing there that may be read as a result, and hang up."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        self._changed.set()
        thread.join(_CLOSE_S)
        self._memory.close()
        self._heard.clear()

    def _run(self, stop: threading.Event, connected: threading.Event) -> None:
        written: list[int] = []
        known: list[int] = []
        fault = OutputError(f"nothing asks {self._place} any more")
        try:
            self._memory.connect()
            connected.set()
            while not stop.is_set():
                self._changed.clear()
                written = self._write(written, self._shown)
                known = self._read(known)
                self._changed.wait(self._poll_s)
            self._write(written, encode(ToLine()))
        except OutputError as lost:
            fault = lost
        finally:  # however it ends: nobody would ask any more
            if not stop.is_set():
                self._fault = fault
            connected.set()
            self._wake()

    def _write(self, written: list[int], shown: list[int]) -> list[int]:
        """The commit by itself, behind all others: they may come to the program in pieces."""
        if written == shown:
            return written
        self._memory.write(0, shown[:_COMMIT])
        if written[_COMMIT:] != shown[_COMMIT:]:
            self._memory.write(_COMMIT, shown[_COMMIT:])
        return shown

    def _read(self, known: list[int]) -> list[int]:
        words = list(self._memory.read())
        if words == known:
            return known
        if any([words[at]] != known[at : at + 1] for at in _BEHIND):
            # The controller may have answered while its program wrote: an id of before, and the
            # trigger of now. The id is written first, so a second look has it.
            words = list(self._memory.read())
        try:
            heard = decode_from_line(words)
        except ValueError as fault:
            self._misread = f"what it has written is not taken: {fault}"
            return known
        self._misread = ""
        self._put(heard)
        return words

    def _put(self, heard: FromLine) -> None:
        with self._lock:
            if len(self._heard) >= _MOST_HEARD:
                raise OutputError(f"{_MOST_HEARD} changes of its words wait to be heard")
            self._heard.append(Heard(heard, time.monotonic_ns()))
        self._wake()
