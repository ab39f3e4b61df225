"""The two heartbeats: the station's own, and the line's, which is watched."""

from __future__ import annotations

from qc_edge.output.handshake.judged import Note, NoteKind


class LineHeartbeats:
    """Pure: it is told the time (CLOCK_MONOTONIC, ns). `count` is the station's own heartbeat."""

    def __init__(self, every_ns: int, peer_ns: int | None, now_ns: int) -> None:
        """The own one changes `every_ns`, the line's within `peer_ns`; None: it has none."""
        self._every_ns = every_ns
        self._peer_ns = peer_ns
        self._beat_ns = self._heard_ns = now_ns
        self.count = 0
        self.is_peer_lost = peer_ns is not None
        """Until it has been heard for the first time, too."""

    def heard(self, now_ns: int) -> list[Note]:
        """The line's has changed."""
        self._heard_ns = now_ns
        if not self.is_peer_lost:
            return []
        self.is_peer_lost = False
        return [Note(NoteKind.PEER_BACK, now_ns, 0, "the line's heartbeat goes on")]

    def step(self, now_ns: int) -> list[Note]:
        """Beat, if it is time; note a line that has fallen silent."""
        if now_ns >= self.due_ns():
            self._beat_ns = now_ns
            self.count = (self.count + 1) & 0xFFFF
        limit_ns = self._peer_ns
        if limit_ns is None or self.is_peer_lost or now_ns - self._heard_ns <= limit_ns:
            return []
        self.is_peer_lost = True
        words = f"the line's heartbeat has not changed for {limit_ns / 1e6:g} ms"
        return [Note(NoteKind.PEER_LOST, now_ns, 0, words)]

    def due_ns(self) -> int:
        """When `step` has something to do next."""
        return self._beat_ns + self._every_ns
