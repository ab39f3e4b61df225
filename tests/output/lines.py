"""What tests of outputs share: parts, rules and a line that follows the documented rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qc_edge.domain.frame import FrameId
from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import JudgedPart, Note
from qc_edge.output.handshake.machine import Handshake
from qc_edge.output.handshake.rules import HandshakeRules
from qc_edge.output.handshake.words import Fault, FromLine, StateBit

MS = 1_000_000
RULES = HandshakeRules(
    by_trigger=True, deadline_ns=1000 * MS, stands_ns=500 * MS, heartbeat_ns=100 * MS, way_ns=0
)
_REASONS = {
    Disposition.ACCEPT: "score_below_threshold",
    Disposition.REJECT: "score_reaches_threshold",
    Disposition.HOLD: "low_focus",
}


def judged(
    number: int, disposition: Disposition, exposed_ns: int | None, **more: Any
) -> JudgedPart:
    """A part whose rows are durable."""
    frame = FrameId(f"20260101T000000{number:06d}Z-top")
    return JudgedPart(str(number), frame, disposition, _REASONS[disposition], exposed_ns, **more)


class Line:
    """A handshake with the line at the other end of no wire at all; the test keeps the time."""

    def __init__(self, rules: HandshakeRules = RULES, *, is_reset: bool = True) -> None:
        self.now_ns = 1_000_000_000_000
        self.machine = Handshake(rules, 7, self.now_ns)
        self.machine.report(is_ready=True, faults=Fault(0), recipe=0)
        self.written = FromLine()
        self.notes: list[Note] = []
        if is_reset:
            self.write(reset=1)
            self.wait(10)
            self.take_notes()

    @property
    def words(self) -> Any:
        """What the line reads now."""
        return self.machine.words

    def ready(self) -> bool:
        """The bit."""
        return bool(self.words.state & StateBit.READY)

    def write(self, **values: Any) -> None:
        """The line writes these words."""
        self.written = replace(self.written, **values)
        self.machine.hear(self.written, self.now_ns)
        self.machine.step(self.now_ns)

    def wait(self, ms: float) -> None:
        """So much later."""
        self.now_ns += int(ms * MS)
        self.machine.step(self.now_ns)

    def tell(self, number: int, disposition: Disposition, **more: Any) -> JudgedPart:
        """A part that was exposed 5 ms ago."""
        part = judged(number, disposition, self.now_ns - 5 * MS, **more)
        self.machine.tell(part, self.now_ns)
        return part

    def take_notes(self) -> list[str]:
        """The kinds of what happened since the last call."""
        notes = self.machine.take_notes()
        self.notes += notes
        return [str(note.kind) for note in notes]
