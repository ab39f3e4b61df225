"""A trial of an output and its line without a station: one trigger, one result, one acknowledge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from qc_edge.domain.frame import frame_id
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.reasons import LINE_TEST
from qc_edge.output.handshake.words import Fault, StateBit
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import make_link
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.output import LineSettings

_LOOK_S = 0.05
_PATIENCE_S = 60.0


@dataclass
class LineTrial:
    """Used once, by one thread. `disposition` is what the line is told: HOLD or REJECT."""

    settings: LineSettings
    deadline_ms: float
    disposition: Disposition

    def run(self, seconds: float, say: Callable[[str], None]) -> None:
        """Go through the handshake, and `say` each step. Raises OutputError at the one that the
        line does not take within `seconds`.
        """
        notes: list[Note] = []
        output = LineOutput(
            self.settings, self.deadline_ms, make_link(self.settings), "", notes.append
        )
        stop = threading.Event()
        thread = threading.Thread(
            target=output.run, args=(Heartbeat("trial", _PATIENCE_S), stop), daemon=True
        )
        thread.start()
        try:
            self._steps(output, notes, time.monotonic() + seconds, say)
        finally:
            stop.set()
            thread.join(_PATIENCE_S)

    def _steps(
        self, output: LineOutput, notes: list[Note], end: float, say: Callable[[str], None]
    ) -> None:
        def await_(is_so: Callable[[], bool], what: str, hint: str) -> None:
            pause = threading.Event()
            while not is_so():
                output.report(LineHealth(is_ready=True, faults=Fault(0)))
                if time.monotonic() > end:
                    trouble = f" ({output.status.trouble})" if output.status.trouble else ""
                    raise OutputError(f"{self.settings.name}: {what}: it did not{trouble}", hint)
                pause.wait(_LOOK_S)
            say(f"{what}: done")

        def has(bit: StateBit) -> bool:
            return bool(output.status.words.state & bit)

        await_(lambda: not output.status.trouble, "the station listens", "ip address; ss -ltn")
        await_(
            lambda: bool(output.status.peers),
            "the line connects",
            "the address and port in its program; `peers` here",
        )
        await_(
            lambda: has(StateBit.READY),
            "the line resets, its heart beats, `ready` is on",
            "write another number to `reset`, and change `heartbeat`",
        )
        if self.settings.sequence == "line":
            await_(lambda: has(StateBit.BUSY), "the line triggers", "write `trigger`, a new number")
        now_ns = time.monotonic_ns()
        part = JudgedPart(
            "test",
            frame_id(time.time_ns() // 1000, "test"),
            self.disposition,
            LINE_TEST,
            now_ns,
        )
        output.tell(part)
        ended = (NoteKind.ACKNOWLEDGED, NoteKind.UNACKNOWLEDGED, NoteKind.SHOWN, NoteKind.UNTOLD)

        def outcome() -> Note | None:
            return next((note for note in list(notes) if note.kind in ended), None)

        await_(lambda: outcome() is not None, f"it is told {self.disposition}", "")
        note = outcome()
        if note is None or note.kind in (NoteKind.UNACKNOWLEDGED, NoteKind.UNTOLD):
            raise OutputError(
                f"{self.settings.name}: {note.words if note else 'nothing was told'}",
                "write the number of the result to `acknowledge`, within `stands_ms`",
            )
        say(note.words)
