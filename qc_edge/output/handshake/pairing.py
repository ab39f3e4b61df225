"""Which part is of which trigger: by the time of its exposure, and never by counting.

A part that may be of several triggers is doubtful. Pure: it is told the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.reasons import DOUBTFUL_TRIGGER, OTHER_PART_ID
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import FromLine

MARGIN_NS = 2_000_000
"""How far the camera's clock and ours may be apart, as they are mapped."""
DOUBT_NS = 600_000_000_000
"""After a part whose time was not exact, so long the next one's may not be either: a station may
have a camera with a clock and another one without.
"""


def may_be_of(
    at_ns: int, end_ns: int | None, exposed_ns: int, way_ns: int | None, now_ns: int
) -> bool:
    """True if what was exposed then may be of the trigger that was heard at `at_ns` and followed by
    the next at `end_ns`. `way_ns` is None where the time of the exposure is not exact.
    """
    # Of a time that is not exact nothing is sure: another machine's clock may be behind.
    latest = now_ns if way_ns is None else exposed_ns + MARGIN_NS
    earliest = 0 if way_ns is None else exposed_ns - MARGIN_NS - way_ns
    return at_ns <= latest and (end_ns is None or end_ns > earliest)


@dataclass(slots=True)
class LineTrigger:
    """A trigger that the line has announced, heard at `at_ns`, before it fires the camera.

    `is_answered`: its sequence has a result; `has_part`: that result was of its part. One without
    stays in mind for a while, as its frame may still come.
    """

    sequence: int
    at_ns: int
    part_id: str = ""
    lot: str = ""
    end_ns: int | None = None
    is_answered: bool = False
    has_part: bool = False

    def answer(self, part: JudgedPart | None, reason: str, detail: str) -> Result:
        """Its result: the part's, HOLD where there is none, or for another reason than its own."""
        self.is_answered = True
        held = part is None or reason != part.reason
        disposition = Disposition.HOLD if part is None or held else part.disposition
        if part and not held and self.part_id and part.brought_id not in (None, self.part_id):
            disposition, reason = Disposition.HOLD, OTHER_PART_ID
            detail = f"the line calls it {self.part_id}, its frames {part.brought_id}"
        exposed_ns = part.exposed_ns if part else None
        since_ns = self.at_ns if exposed_ns is None else exposed_ns
        return Result(
            self.sequence, disposition, reason, detail, since_ns, part, self.part_id, self.lot
        )


class Triggers:
    """The triggers under way, oldest first."""

    def __init__(self, deadline_ns: int, way_ns: int | None) -> None:
        """A trigger without its frame in time is kept in mind for as long again. `way_ns` is the
        longest way of a frame to the box; None: not known.
        """
        # The camera's clock is mapped by the frame with the shortest way, which may be the first
        # one alone, and late: an exposure seems to be later than it was by a whole way, no more.
        self._way_ns = way_ns
        self._deadline_ns = deadline_ns
        self._remember_ns = 2 * deadline_ns + (way_ns or 0)
        self._all: list[LineTrigger] = []
        self.is_exact = False
        """True while the parts' times of exposure are exact, so that no frame of before can be
        taken for a later trigger's.
        """
        self._doubt_ns: int | None = None

    @property
    def settles_ns(self) -> int:
        """After a reset: what was exposed before is then clearly older than any later trigger."""
        return 3 * MARGIN_NS + (self._way_ns or 0)

    @property
    def open(self) -> list[LineTrigger]:
        """Those that wait for their result."""
        return [each for each in self._all if not each.is_answered]

    @property
    def has_unknown(self) -> bool:
        """True while the frame of some trigger may still come."""
        return any(not each.has_part for each in self._all)

    @property
    def has_lost(self) -> bool:
        """True while some trigger has its result, and its frame may still come."""
        return any(each.is_answered and not each.has_part for each in self._all)

    def hear(self, words: FromLine, at_ns: int) -> LineTrigger:
        """A new trigger."""
        if self._all and self._all[-1].end_ns is None:
            self._all[-1].end_ns = at_ns
        # As the frames have it, which get this id without the blanks around it.
        part_id = words.part_id.strip()
        self._all.append(LineTrigger(words.trigger, at_ns, part_id, words.lot))
        return self._all[-1]

    def find(self, part: JudgedPart, now_ns: int) -> list[LineTrigger]:
        """The triggers that the part may be of, oldest first; those that have their part aside."""
        if part.is_backlog:
            return []
        way_ns = self._way_ns if part.is_exact else None
        if way_ns is None or part.exposed_ns is None:
            self._doubt_ns = now_ns
        self.is_exact = self._doubt_ns is None or now_ns - self._doubt_ns > DOUBT_NS
        if part.exposed_ns is None:
            return []
        exposed_ns = part.exposed_ns
        return [
            each
            for each in self._all
            if not each.has_part and may_be_of(each.at_ns, each.end_ns, exposed_ns, way_ns, now_ns)
        ]

    def answer(self, part: JudgedPart, now_ns: int) -> tuple[list[Result], list[Note]]:
        """The result of the part's trigger; none, with a note, if it is told of none.

        A part that may be of several is nobody's: each of them is HOLD.
        """
        found = self.find(part, now_ns)
        has_part = not self._may_be_older(part, now_ns)
        open_ones = [each for each in found if not each.is_answered]
        if not open_ones:
            why = "its trigger was answered before" if found else "no trigger is its own"
            if len(found) == 1:
                found[0].has_part = has_part
            of = found[-1].sequence if found else 0
            return [], [Note(NoteKind.UNTOLD, now_ns, of, why, part)]
        found[0].has_part = has_part
        if len(found) == 1:
            return [found[0].answer(part, part.reason, "")], []
        first, *others = open_ones
        detail = "the part may be of several triggers"
        results = [each.answer(None, DOUBTFUL_TRIGGER, detail) for each in others]
        return [*results, first.answer(part, DOUBTFUL_TRIGGER, detail)], []

    def _may_be_older(self, part: JudgedPart, now_ns: int) -> bool:
        """True of one whose time is not exact and that may be of a trigger of long ago: it is too
        late, or an old picture again. The frame of the trigger that it is taken for is then still
        to come, and must not be taken for the next one's.
        """
        if part.is_exact and self._way_ns is not None:
            return False
        is_late = part.exposed_ns is None or now_ns - part.exposed_ns > self._deadline_ns
        return is_late or part.reason == str(HoldReason.REPEATED_FRAME)

    def forget(self, now_ns: int) -> None:
        """Drop those that need no more thought."""
        self._all = [
            each
            for each in self._all
            if not each.is_answered
            or not (each.has_part or now_ns - each.at_ns >= self._remember_ns)
        ]

    def clear(self) -> None:
        """Begin anew."""
        self._all = []
