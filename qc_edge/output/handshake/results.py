"""The one place where a result stands: what waits for it, what stands there, and for how long."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.reasons import reason_number
from qc_edge.output.handshake.rules import HandshakeRules
from qc_edge.output.handshake.words import ToLine, score_word, verdict_word

_MOST_WAITING = 64
_NS_IN_MS = 1_000_000
_CLOSING = {
    NoteKind.ACKNOWLEDGED,
    NoteKind.UNACKNOWLEDGED,
    NoteKind.SHOWN,
    NoteKind.UNTOLD,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What the line is to be told of one sequence. `part` is None where none came in time.

    `since_ns` is the exposure, or the trigger where that is not known.
    """

    sequence: int
    disposition: Disposition
    reason: str
    detail: str
    since_ns: int
    part: JudgedPart | None = None
    line_part_id: str = ""
    lot: str = ""

    def note(self, kind: NoteKind, at_ns: int, told_ns: int | None, detail: str = "") -> Note:
        """What became of it."""
        return Note(
            kind,
            at_ns,
            self.sequence,
            detail or self.detail,
            self.part,
            self.disposition,
            self.reason,
            told_ns,
            self.line_part_id,
            self.lot,
            closes=kind in _CLOSING,
        )


class ResultSlot:
    """Results in the order in which they came. Pure: it is told the time (CLOCK_MONOTONIC, ns)."""

    def __init__(self, rules: HandshakeRules) -> None:
        """A result stands for `stands_ns` at most, and for a heartbeat where the next takes its
        place without an acknowledge; one older than `deadline_ns` when its turn comes is HOLD.
        """
        self._deadline_ns = rules.deadline_ns
        self._stands_ns = rules.stands_ns
        self._least_ns = min(rules.heartbeat_ns, rules.stands_ns)
        self._needs_acknowledge = rules.needs_acknowledge
        self._waiting: deque[Result] = deque()
        self._shown: Result | None = None
        self._shown_ns = 0
        self.last_was_late = False

    @property
    def shown(self) -> Result | None:
        """What the line can read now."""
        return self._shown

    @property
    def is_empty(self) -> bool:
        """True if no result stands or waits."""
        return self._shown is None and not self._waiting

    def add(self, result: Result, now_ns: int) -> list[Note]:
        """One more; where too many wait, the oldest is never told."""
        self._waiting.append(result)
        if len(self._waiting) <= _MOST_WAITING:
            return []
        detail = f"{_MOST_WAITING} newer results wait"
        return [self._waiting.popleft().note(NoteKind.UNTOLD, now_ns, None, detail)]

    def acknowledge(self, sequence: int, now_ns: int) -> list[Note]:
        """The line has read the result of this sequence. Of another one it says nothing."""
        if self._shown is None or self._shown.sequence != sequence:
            return []
        return [self._take_away(NoteKind.ACKNOWLEDGED, now_ns)]

    def step(self, now_ns: int) -> tuple[list[Note], list[Result]]:
        """Take away what has stood long enough and show the next; notes, and what is new there."""
        notes = []
        if self._shown and now_ns >= self._shown_ns + self._stays_ns():
            is_missed = self._needs_acknowledge
            kind = NoteKind.UNACKNOWLEDGED if is_missed else NoteKind.SHOWN
            notes.append(self._take_away(kind, now_ns))
        if self._shown is not None or not self._waiting:
            return notes, []
        self._shown, self._shown_ns = self._in_time(self._waiting.popleft(), now_ns), now_ns
        return notes, [self._shown]

    def clear(self, now_ns: int, why: str) -> list[Note]:
        """Take everything away."""
        notes = [each.note(NoteKind.UNTOLD, now_ns, None, why) for each in self._waiting]
        self._waiting.clear()
        if self._shown:
            kind = NoteKind.UNACKNOWLEDGED if self._needs_acknowledge else NoteKind.SHOWN
            notes.insert(0, self._take_away(kind, now_ns))
        return notes

    def due_ns(self, now_ns: int) -> int | None:
        """When `step` has something to do next."""
        if self._shown is None:
            return now_ns if self._waiting else None
        return self._shown_ns + self._stays_ns()

    def _stays_ns(self) -> int:
        may_replace = self._waiting and not self._needs_acknowledge
        return self._least_ns if may_replace else self._stands_ns

    def words(self, empty: ToLine) -> ToLine:
        """`empty` with the result that stands there."""
        if (shown := self._shown) is None:
            return empty
        part = shown.part
        word = verdict_word(shown.disposition, shown.sequence)
        age_ms = (self._shown_ns - shown.since_ns) // _NS_IN_MS
        return replace(
            empty,
            sequence=shown.sequence,
            verdict=word,
            complement=word ^ 0xFFFF,
            reason=reason_number(shown.reason),
            score=score_word(part.score if part else None),
            age_ms=min(max(age_ms, 0), 0xFFFF),
            part_id=part.part_id if part else "",
            defect_class=part.defect_class if part else "",
            commit=shown.sequence,
        )

    def _take_away(self, kind: NoteKind, now_ns: int) -> Note:
        assert self._shown is not None  # noqa: S101
        note = self._shown.note(kind, now_ns, self._shown_ns)
        self._shown = None
        return note

    def _in_time(self, result: Result, now_ns: int) -> Result:
        age_ns = now_ns - result.since_ns
        is_late = age_ns > self._deadline_ns
        self.last_was_late = is_late
        if not is_late or result.disposition is Disposition.HOLD:
            return result
        detail = f"{age_ns // _NS_IN_MS} ms old when its turn came"
        return replace(
            result, disposition=Disposition.HOLD, reason=str(HoldReason.LATE), detail=detail
        )
