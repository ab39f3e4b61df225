"""How one output talks to its line."""

from __future__ import annotations

from dataclasses import dataclass, field

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.words import Fault


@dataclass(frozen=True, slots=True)
class HandshakeRules:
    """The settings of one output as the handshake takes them. Times in nanoseconds.

    `by_trigger`: the line numbers the parts, else the station does. A result stands for `stands_ns`
    at most. `peer_ns`: within it the line's heartbeat changes; None if it has none. Parts of the
    dispositions `confirm` are confirmed as ejected within `confirm_ns`. `not_ready` are the faults
    that take `ready` away. `way_ns`: a frame is on the box so long after its exposure at most; None
    where nobody has said so: then no camera's time is exact.
    """

    by_trigger: bool
    deadline_ns: int
    stands_ns: int
    heartbeat_ns: int
    needs_acknowledge: bool = True
    peer_ns: int | None = None
    confirm: frozenset[Disposition] = frozenset()
    confirm_ns: int = 10_000_000_000
    not_ready: Fault = field(default_factory=lambda: Fault(0))
    way_ns: int | None = None
