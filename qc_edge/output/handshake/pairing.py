"""Which part is of which trigger: by the time of its exposure, and never by counting.

A part that may be of several triggers is doubtful. Pure: it is told the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.output.handshake.judged import JudgedPart
from qc_edge.output.handshake.words import FromLine

MARGIN_NS = 2_000_000
"""How far the camera's clock and ours may be apart, as they are mapped."""
SETTLES_NS = 3 * MARGIN_NS
"""After a reset: what was exposed before it is then clearly older than any trigger after it."""


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


class Triggers:
    """The triggers under way, oldest first."""

    def __init__(self, deadline_ns: int) -> None:
        """A trigger without its frame in time is kept in mind for as long again."""
        self._remember_ns = 2 * deadline_ns
        self._all: list[LineTrigger] = []

    @property
    def open(self) -> list[LineTrigger]:
        """Those that wait for their result."""
        return [each for each in self._all if not each.is_answered]

    @property
    def has_unknown(self) -> bool:
        """True while the frame of some trigger may still come."""
        return any(not each.has_part for each in self._all)

    def hear(self, words: FromLine, at_ns: int) -> LineTrigger:
        """A new trigger."""
        if self._all and self._all[-1].end_ns is None:
            self._all[-1].end_ns = at_ns
        self._all.append(LineTrigger(words.trigger, at_ns, words.part_id, words.lot))
        return self._all[-1]

    def find(self, part: JudgedPart) -> list[LineTrigger]:
        """The triggers that the part may be of, oldest first; those that have their part aside."""
        if part.exposed_ns is None or part.is_backlog:
            return []
        latest = part.exposed_ns + MARGIN_NS
        earliest = part.exposed_ns - MARGIN_NS if part.is_exact else 0
        return [
            each
            for each in self._all
            if not each.has_part
            and each.at_ns <= latest
            and (each.end_ns is None or each.end_ns > earliest)
        ]

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
