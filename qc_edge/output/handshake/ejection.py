"""Which parts the line has to confirm as out of the way, and whether it did in time."""

from __future__ import annotations

from collections.abc import Iterable

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note, NoteKind
from qc_edge.output.handshake.results import Result

_MOST_OVER = 64


class Ejections:
    """Pure: it is told the time (CLOCK_MONOTONIC, ns). `alarm` stays on until `clear`, though a
    part may be confirmed late.
    """

    def __init__(self, confirm: Iterable[Disposition], within_ns: int) -> None:
        """Parts of these dispositions are confirmed within so long."""
        self._confirm = frozenset(confirm)
        self._within_ns = within_ns
        self._awaited: dict[int, tuple[Result, int]] = {}
        self._over: dict[int, tuple[Result, int]] = {}
        self.alarm = False

    def told(self, result: Result, now_ns: int) -> None:
        """The line can read this result from now on."""
        self._over.pop(result.sequence, None)
        if result.disposition in self._confirm:
            self._awaited[result.sequence] = (result, now_ns)

    def ejected(self, sequence: int, now_ns: int) -> list[Note]:
        """The line says that the part of this sequence is out of the way."""
        return self._confirmed(sequence, NoteKind.EJECTED, now_ns, "")

    def passed(self, sequence: int, now_ns: int) -> list[Note]:
        """The line says that the part has gone on: of one that was to be ejected, an alarm."""
        notes = self._confirmed(sequence, NoteKind.PASSED, now_ns, "it has passed the ejector")
        self.alarm = self.alarm or bool(notes)
        return notes

    def step(self, now_ns: int) -> list[Note]:
        """What was not confirmed in time."""
        over = [
            sequence
            for sequence, (_, told_ns) in self._awaited.items()
            if now_ns - told_ns >= self._within_ns
        ]
        self.alarm = self.alarm or bool(over)
        for sequence in over:
            self._over[sequence] = self._awaited[sequence]
        while len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]
        detail = f"not confirmed within {self._within_ns / 1e9:g} s"
        return [
            note
            for sequence in over
            for note in self._ended(sequence, NoteKind.UNCONFIRMED, now_ns, detail)
        ]

    def clear(self, now_ns: int, why: str) -> list[Note]:
        """Expect nothing any more; what was awaited is unconfirmed. Ends the alarm."""
        notes = [
            note
            for sequence in list(self._awaited)
            for note in self._ended(sequence, NoteKind.UNCONFIRMED, now_ns, why)
        ]
        self.alarm = False
        self._over.clear()
        return notes

    def due_ns(self) -> int | None:
        """When `step` has something to do next."""
        oldest = min((told_ns for _, told_ns in self._awaited.values()), default=None)
        return None if oldest is None else oldest + self._within_ns

    def _confirmed(self, sequence: int, kind: NoteKind, now_ns: int, detail: str) -> list[Note]:
        if (late := self._over.pop(sequence, None)) is None:
            return self._ended(sequence, kind, now_ns, detail)
        result, told_ns = late
        words = ", ".join(filter(None, [detail, "after its time was over"]))
        return [result.note(kind, now_ns, told_ns, words)]

    def _ended(self, sequence: int, kind: NoteKind, now_ns: int, detail: str) -> list[Note]:
        if (found := self._awaited.pop(sequence, None)) is None:
            return []
        result, told_ns = found
        return [result.note(kind, now_ns, told_ns, detail)]
