"""An output over digital lines, whatever drives them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import StateBit, ToLine
from qc_edge.output.links import Heard
from qc_edge.output.links.digital.pulses import Pulses

_IDLE_S = 0.25
_CLOSE_S = 2.0
_NS = 1e9


class Pins(Protocol):
    """The lines of one machine by what they say: accept, reject, hold, ready. Used by one thread;
    everything raises OutputError.
    """

    def open(self) -> None:
        """Take them, all inactive."""

    def set(self, name: str, *, is_active: bool) -> None:
        """The level of one from now on; of one that is not wired, nothing."""

    def check(self) -> None:
        """Now and then. Raises where they are no longer those that were taken."""

    def close(self) -> None:
        """All inactive, and given back."""


class DigitalLink:
    """Fulfils `qc_edge.output.links.LineLink`; there is nothing to hear."""

    def __init__(self, pins: Pins, place: str, pulses: Pulses) -> None:
        self._pins, self._place, self._pulses = pins, place, pulses
        self._shown: list[tuple[Disposition, int | None, int]] = []
        self._sequence: int | None = None
        self._is_ready = False
        self._lock = threading.Lock()
        self._changed, self._stop = threading.Event(), threading.Event()
        self._wake: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._fault = ""

    def open(self, wake: Callable[[], None]) -> None:
        """Take the lines. Raises OutputError if they are not to be had."""
        self._wake, self._fault = wake, ""
        self._stop.clear()
        with self._lock:  # what was shown before is of parts that are gone
            self._shown, self._sequence = [], None
        self._pins.open()
        self._thread = threading.Thread(target=self._run, name=f"lines-{self._place}", daemon=True)
        self._thread.start()

    def show(self, words: ToLine, result: Result | None) -> None:
        """A result that was not there before is a pulse; what stands there at the opening is not:
        nobody knows for how long it has.
        """
        with self._lock:
            is_new = self._sequence is not None and words.sequence != self._sequence
            if result is not None and is_new:
                part = result.part
                exposed_ns = part.exposed_ns if part and part.is_exact else None
                self._shown.append((result.disposition, exposed_ns, time.monotonic_ns()))
            self._sequence = words.sequence
            self._is_ready = bool(words.state & StateBit.READY)
        self._changed.set()

    def heard(self) -> list[Heard]:
        """Nothing, ever. Raises OutputError if the lines have gone."""
        if self._fault:
            raise OutputError(self._fault)
        return []

    @property
    def peers(self) -> tuple[str, ...]:
        """Nobody can say who watches; what was not given is said."""
        missed = self._pulses.missed
        said = f"{missed} ACCEPT without their pulse: too late, too near, or at no exact time"
        return (self._place, *([said] if missed else []))

    def close(self) -> None:
        """All inactive."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        self._changed.set()
        thread.join(_CLOSE_S)
        self._pulses.clear()

    def _run(self) -> None:
        levels: dict[str, bool] = {}
        try:
            while not self._stop.is_set():
                self._changed.clear()
                with self._lock:
                    shown, self._shown = self._shown, []
                    is_ready = self._is_ready
                self._pins.check()
                now_ns = time.monotonic_ns()
                for disposition, exposed_ns, shown_ns in shown:
                    self._pulses.add(disposition, exposed_ns, shown_ns, now_ns)
                whose = self._pulses.step(now_ns)
                wanted = {each.lower(): whose == each for each in Disposition}
                self._set(levels, wanted | {"ready": is_ready})
                due_ns = min(self._pulses.dues(), default=None)
                wait_s = _IDLE_S if due_ns is None else (due_ns - time.monotonic_ns()) / _NS
                self._changed.wait(min(max(wait_s, 0.0), _IDLE_S))
        except OutputError as fault:
            self._fault = fault.message
        finally:
            if not self._stop.is_set():
                self._fault = self._fault or f"nothing drives {self._place} any more"
            self._pins.close()
            self._wake()

    def _set(self, levels: dict[str, bool], wanted: dict[str, bool]) -> None:
        """What becomes inactive first: no two say something at once."""
        for name, is_active in sorted(wanted.items(), key=lambda each: each[1]):
            if levels.get(name, False) != is_active:
                self._pins.set(name, is_active=is_active)
                levels[name] = is_active
