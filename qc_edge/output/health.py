"""How the station is, as its outputs tell it: set by the main thread, read by those of outputs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from qc_edge.output.handshake.words import Fault

_STALE_NS = 4_000_000_000


@dataclass(frozen=True, slots=True)
class LineHealth:
    """One look at the station: whether it judges, what is not well, the number of the recipe in
    force (0: none). `at_ns` is when (CLOCK_MONOTONIC).
    """

    is_ready: bool = False
    faults: Fault = field(default_factory=lambda: Fault.STATION)
    recipe: int = 0
    at_ns: int = field(default_factory=time.monotonic_ns)

    def now(self, now_ns: int) -> LineHealth:
        """The same, or a station of which nobody knows: nobody has looked for a while."""
        if now_ns - self.at_ns <= _STALE_NS:
            return self
        return LineHealth(faults=self.faults | Fault.STATION, recipe=self.recipe, at_ns=now_ns)
