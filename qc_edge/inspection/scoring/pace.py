"""How long a verdict takes at the moment, and what follows: how many frames one batch may hold, and
which live part is too late for the model. Pure: it is told all times.
"""

from __future__ import annotations

import time
from collections import deque

from qc_edge.inspection.frames import PreparedFrame

_RECENT = 9
_ENOUGH = 3
"""Samples before an estimate counts: the first verdicts after a start are slow ones."""

_BATCH_SHARE = 0.25
"""Of the deadline, for one batch: a live part that comes meanwhile waits for no more."""

_PROBE_AFTER = 4
"""Parts in a row that were set back by the estimate alone; the next one is tried all the same."""


class _Usual:
    """What a duration usually is: the upper quartile of the last ones.

    Not their mean, which one stall of the disk would take past the deadline for many parts.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def add(self, ms: float) -> None:
        self._recent.append(ms)

    def start_anew(self, ms: float) -> None:
        self._recent.clear()
        self._recent.extend([ms] * _ENOUGH)

    @property
    def ms(self) -> float:
        """0 until enough is known."""
        if len(self._recent) < _ENOUGH:
            return 0.0
        return sorted(self._recent)[int(0.75 * (len(self._recent) - 1))]


class Pace:
    """Running estimates of the inspector's work; used by its thread alone. Times in ms."""

    def __init__(self) -> None:
        self._scoring, self._finishing, self._verdict = _Usual(), _Usual(), _Usual()
        self._refused_in_a_row = 0
        self._is_probing = False

    def scored(self, frames: int, took_ms: float) -> None:
        """The model took `took_ms` for so many frames together."""
        if frames:
            self._scoring.add(took_ms / frames)

    def finished(self, took_ms: float) -> None:
        """Evidence, rows, announcements and retirement of a batch took so long."""
        self._finishing.add(took_ms)

    def told(self, took_ms: float) -> None:
        """A batch of live parts was told so long after its first went to the model."""
        if self._is_probing:
            self._verdict.start_anew(took_ms)
        else:
            self._verdict.add(took_ms)
        self._is_probing = False

    def batch_limit(self, most: int, deadline_ms: float) -> int:
        """How many frames, 1 to `most`, one batch may hold, so that it takes no more than a quarter
        of the deadline.
        """
        if not self._scoring.ms:
            return most
        budget = _BATCH_SHARE * deadline_ms - self._finishing.ms
        return max(1, min(most, int(budget / self._scoring.ms)))

    def is_spent(self, took_ms: float, deadline_ms: float) -> bool:
        """True if a batch that has taken so long should be finished as it is."""
        return took_ms > _BATCH_SHARE * deadline_ms

    def refuses(self, prepared: PreparedFrame) -> bool:
        """True for a live part that the model could not score in time; what was refused before
        needs no model.
        """
        if prepared.refusal is not None:
            return False
        return self.is_too_late(prepared.age_ms(), prepared.deadline_ms)

    def is_too_late(self, age_ms: float, deadline_ms: float) -> bool:
        """True if a live part of this age would be told after the deadline.

        By what a verdict usually takes. Now and then a part that has time left is let through
        against the estimate, or one that is wrong would stand for ever.
        """
        if age_ms > deadline_ms:
            return True
        if age_ms + self._verdict.ms <= deadline_ms:
            self._refused_in_a_row = 0
            return False
        self._refused_in_a_row += 1
        if self._refused_in_a_row <= _PROBE_AFTER:
            return True
        self._refused_in_a_row, self._is_probing = 0, True
        return False


def ms_since(at: float) -> float:
    """Milliseconds since `at` (seconds of the monotonic clock)."""
    return (time.monotonic() - at) * 1e3
