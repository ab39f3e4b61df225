"""The settings of an output as the handshake takes them."""

from __future__ import annotations

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.rules import HandshakeRules
from qc_edge.output.handshake.words import Fault
from qc_edge.settings.outside.output import LineSettings

_NS_IN_MS = 1_000_000


def handshake_rules(settings: LineSettings, deadline_ms: float) -> HandshakeRules:
    """`deadline_ms` is the station's, for an output without one of its own."""
    not_ready = Fault.STATION
    for name in settings.not_ready:
        not_ready |= Fault[name.upper()]
    peer_ns = int(settings.peer_heartbeat_ms * _NS_IN_MS)
    own_ms = settings.deadline_ms
    return HandshakeRules(
        by_trigger=settings.sequence == "line",
        deadline_ns=int((deadline_ms if own_ms is None else own_ms) * _NS_IN_MS),
        stands_ns=int(settings.stands_ms * _NS_IN_MS),
        heartbeat_ns=int(settings.heartbeat_ms * _NS_IN_MS),
        needs_acknowledge=settings.acknowledge,
        peer_ns=peer_ns or None,
        confirm=frozenset(Disposition[name.upper()] for name in settings.confirm),
        confirm_ns=int(settings.confirm_s * 1e9),
        not_ready=not_ready,
        way_ns=None if settings.frame_way_ms is None else int(settings.frame_way_ms * _NS_IN_MS),
    )
