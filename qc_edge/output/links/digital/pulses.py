"""Which line has which level when: a pulse for each part. Pure: it is told the time.

Nothing is "not accepted": an ACCEPT that is too late, or too near behind another pulse to be told
from it, is not given. REJECT and HOLD are given at once then, and end a pulse of ACCEPT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qc_edge.domain.verdict import Disposition
from qc_edge.settings.outside.outputs.digital import DigitalSettings

_NS_IN_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Pulse:
    """One part's, from `at_ns` (CLOCK_MONOTONIC) on."""

    disposition: Disposition
    at_ns: int
    end_ns: int


class Pulses:
    """What is to be given. `missed` counts the ACCEPTs that were not."""

    def __init__(self, length_ns: int, delay_ns: int | None) -> None:
        """`delay_ns` after the exposure each begins; None: at once."""
        self._length_ns = length_ns
        self._delay_ns = delay_ns
        self._late_ns = length_ns // 4
        self._due: list[Pulse] = []
        self._now: Pulse | None = None
        self._last_end_ns = 0
        self.missed = 0

    def add(
        self, disposition: Disposition, exposed_ns: int | None, shown_ns: int, now_ns: int
    ) -> None:
        """One more part, whose result is there since `shown_ns`. `exposed_ns` is None where nobody
        knows exactly: then nobody knows either when it is at the gate.
        """
        if self._delay_ns is None:
            at_ns, is_late = shown_ns, now_ns - shown_ns >= self._length_ns
        elif exposed_ns is None:
            at_ns, is_late = now_ns, True
        else:
            at_ns = exposed_ns + self._delay_ns
            is_late = now_ns - at_ns > self._late_ns
        if is_late and disposition is Disposition.ACCEPT:
            self.missed += 1
            return
        at_ns = max(at_ns, now_ns)
        self._due.append(Pulse(disposition, at_ns, at_ns + self._length_ns))
        self._due.sort(key=lambda each: each.at_ns)

    def step(self, now_ns: int) -> Disposition | None:
        """Whose pulse it is now; None: nobody's."""
        if self._now and now_ns >= self._now.end_ns:
            self._last_end_ns, self._now = self._now.end_ns, None
        while self._due and self._due[0].at_ns <= now_ns:
            self._begin(self._due.pop(0), now_ns)
        return self._now.disposition if self._now else None

    def dues(self) -> Iterator[int]:
        """When `step` has something to do."""
        if self._now:
            yield self._now.end_ns
        if self._due:
            yield self._due[0].at_ns

    def clear(self) -> None:
        """Nothing is given any more."""
        self._due.clear()
        self._now = None

    def _begin(self, pulse: Pulse, now_ns: int) -> None:
        if now_ns >= pulse.end_ns and pulse.disposition is Disposition.ACCEPT:
            self.missed += 1  # this thread had no turn for so long
            return
        if pulse.disposition is Disposition.ACCEPT:
            # A line that stays active says one part, not two.
            is_near = self._last_end_ns and pulse.at_ns - self._last_end_ns < self._late_ns
            if self._now or is_near:
                self.missed += 1
                return
        elif self._now and self._now.disposition is not Disposition.ACCEPT:
            pulse = Pulse(pulse.disposition, pulse.at_ns, max(pulse.end_ns, self._now.end_ns))
        self._now = Pulse(pulse.disposition, now_ns, max(pulse.end_ns, now_ns + 1))


def pulses_of(settings: DigitalSettings) -> Pulses:
    """As the settings have them."""
    delay_ms = settings.delay_ms
    delay_ns = None if delay_ms is None else int(delay_ms * _NS_IN_MS)
    return Pulses(int(settings.pulse_ms * _NS_IN_MS), delay_ns)
