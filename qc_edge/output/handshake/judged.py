"""A part as the handshake gets it, and what it notes of it: values without a clock or a wire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qc_edge.domain.frame import FrameId
from qc_edge.domain.verdict import Disposition


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """One part whose rows are durable. Times are of CLOCK_MONOTONIC (ns).

    `exposed_ns` is its earliest exposure, None where nobody knows; not `is_exact`: it may
    have been at any other moment until now. `brought_id` is the id that came with its frames, None
    if the station counted. `recipe` is NAME@REVISION of the one that judged it, empty where the
    settings did.
    """

    part_id: str
    frame_id: FrameId
    disposition: Disposition
    reason: str
    exposed_ns: int | None
    is_exact: bool = True
    is_backlog: bool = False
    brought_id: str | None = None
    score: float | None = None
    defect_class: str = ""
    recipe: str = ""

    def may_be_of_before(self, at_ns: int) -> bool:
        """True unless it is known to have been exposed after `at_ns`."""
        return self.is_backlog or self.exposed_ns is None or self.exposed_ns <= at_ns


class NoteKind(str, Enum):
    """What became of a message, or what the line did. The codes stand in the column `outcome`."""

    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SHOWN = "shown"
    UNTOLD = "untold"
    EJECTED = "ejected"
    UNCONFIRMED = "unconfirmed"
    PASSED = "passed"
    TRIGGER_REFUSED = "trigger_refused"
    TRIGGERS_MISSED = "triggers_missed"
    RESET = "reset"
    PEER_LOST = "peer_lost"
    PEER_BACK = "peer_back"
    RECIPE_WANTED = "recipe_wanted"
    COUNTED = "counted"
    LINK_LOST = "link_lost"
    LINK_OPEN = "link_open"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class LineCounts:
    """How many parts the line has counted by itself, since whenever: all, those that it let pass as
    good, and those that it took out.
    """

    parts: int
    accepted: int
    ejected: int


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to put on record. `at_ns` is when it happened, `told_ns` since when the line could
    read the result, `disposition` and `reason` as the line was told, not as the row has them.

    `part` is None where a trigger had no part in time. `closes`: the number `sequence` is over with
    it, and each has one such note. `counts` are the line's, where it has them compared.
    """

    kind: NoteKind
    at_ns: int
    sequence: int
    detail: str
    part: JudgedPart | None = None
    disposition: Disposition | None = None
    reason: str = ""
    told_ns: int | None = None
    line_part_id: str = ""
    lot: str = ""
    closes: bool = False
    counts: LineCounts | None = None

    @property
    def words(self) -> str:
        """The same in one line, for a person."""
        of = f"{self.sequence}: " if self.sequence else ""
        part = f"part {self.part.part_id} " if self.part else ""
        what = f"{self.disposition} ({self.reason}) " if self.disposition else ""
        detail = f", {self.detail}" if self.detail else ""
        return f"{of}{part}{what}{self.kind}{detail}"
