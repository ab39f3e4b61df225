"""What station and line say to each other, as words of 16 bits: the same for every protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any

from qc_edge.domain.verdict import Disposition

LAST_SEQUENCE = 0xFFFF
"""Sequence numbers go from 1 to this and then on with 1; 0 is none."""

PART_ID_LENGTH, LOT_LENGTH, CLASS_LENGTH = 32, 16, 16
"""Characters, two in a word, the first in the high byte."""

NO_SCORE = 0xFFFF
_SCORE_SCALE = 10_000


class Code(IntEnum):
    """The high four bits of the verdict word. Any two differ in at least two bits."""

    NONE = 0x0
    ACCEPT = 0xA
    REJECT = 0x5
    HOLD = 0x3


class StateBit(IntFlag):
    """The word `state`."""

    READY = 1
    BUSY = 2
    RESULT = 4
    ALARM = 8
    RESET_NEEDED = 16


class Fault(IntFlag):
    """The word `faults`; docs/plc.md says what each means."""

    CAMERA = 1
    ENGINE = 2
    CALIBRATION = 4
    DISK = 8
    CLOCK = 16
    LATE = 32
    BEHIND = 64
    PEER = 128
    PAIRING = 256
    EJECTION = 512
    STATION = 1024
    COUNT = 2048
    CHALLENGE = 4096


def verdict_word(disposition: Disposition, sequence: int) -> int:
    """The code and the low twelve bits of the sequence in one word, so that no read can tear them
    apart.
    """
    return Code[disposition.name] << 12 | sequence & 0xFFF


def accepts(words: ToLine, sequence: int) -> bool:
    """The rule for whoever reads: True only if these words ACCEPT the part of this sequence.

    They may have been read at different moments, of different results or not at all (0).
    """
    word = verdict_word(Disposition.ACCEPT, sequence)
    return (
        sequence != 0
        and words.sequence == sequence
        and words.verdict == word
        and words.complement == word ^ 0xFFFF
        and words.commit == sequence
    )


def is_newer(sequence: int, before: int) -> bool:
    """True if `sequence` comes after `before`, across the wrap; half the numbers are ahead."""
    return 0 < distance(sequence, before) <= LAST_SEQUENCE // 2


def distance(sequence: int, before: int) -> int:
    """How many steps `sequence` lies ahead of `before` (0 .. 65534)."""
    return (sequence - before) % LAST_SEQUENCE


def score_word(score: float | None) -> int:
    """A score (0..1) in ten-thousandths; NO_SCORE if there is none."""
    return NO_SCORE if score is None else round(min(max(score, 0.0), 1.0) * _SCORE_SCALE)


@dataclass(frozen=True, slots=True)
class ToLine:
    """What the line may read. `commit` is the last word, written when all before it stand."""

    session: int = 0
    heartbeat: int = 0
    state: int = StateBit.RESET_NEEDED
    faults: int = 0
    trigger_taken: int = 0
    reset_done: int = 0
    recipe: int = 0
    recipe_refused: int = 0
    triggers: int = 0
    accepted: int = 0
    rejected: int = 0
    held: int = 0
    lost: int = 0
    sequence: int = 0
    verdict: int = 0
    complement: int = 0
    reason: int = 0
    score: int = NO_SCORE
    age_ms: int = 0
    part_id: str = ""
    defect_class: str = ""
    commit: int = 0


_LINE_TROUBLES = {
    Fault.PEER: "the line's heartbeat does not change",
    Fault.PAIRING: "frames may be of triggers that are over: parts are HOLD",
    Fault.EJECTION: "a part was not confirmed as ejected: the alarm, until the line resets",
    Fault.COUNT: "its count of parts is not the station's: see the event line_count_differs",
}


def line_trouble(words: ToLine) -> str:
    """What is not well at the line's end, for a person; empty if all is."""
    return "; ".join(said for fault, said in _LINE_TROUBLES.items() if words.faults & fault)


@dataclass(frozen=True, slots=True)
class FromLine:
    """What the line has written last. `trigger` stands behind what belongs to it, and `closing`
    behind the line's own counts of parts.
    """

    heartbeat: int = 0
    reset: int = 0
    acknowledge: int = 0
    ejected: int = 0
    passed: int = 0
    recipe: int = 0
    part_id: str = ""
    lot: str = ""
    trigger: int = 0
    counted: int = 0
    counted_accepted: int = 0
    counted_ejected: int = 0
    closing: int = 0


@dataclass(frozen=True, slots=True)
class WordPlace:
    """Where a value stands: `words` of them from the `address` on; `kind` is word, count (two
    words, the high one first) or text.
    """

    name: str
    address: int
    words: int
    kind: str


TOLD_COUNT = {
    Disposition.ACCEPT: "accepted",
    Disposition.REJECT: "rejected",
    Disposition.HOLD: "held",
}
_COUNTS = {
    *("triggers", "lost", *TOLD_COUNT.values()),
    *("counted", "counted_accepted", "counted_ejected"),
}
_TEXTS = {"part_id": PART_ID_LENGTH, "defect_class": CLASS_LENGTH, "lot": LOT_LENGTH}
FROM_LINE_AT = 100
"""The address of the first word that the line writes; what it reads begins at 0."""


def _places(names: Sequence[str], first: int) -> tuple[WordPlace, ...]:
    found, address = [], first
    for name in names:
        kind = "count" if name in _COUNTS else "text" if name in _TEXTS else "word"
        words = {"word": 1, "count": 2}.get(kind) or _TEXTS[name] // 2
        found.append(WordPlace(name, address, words, kind))
        address += words
    return tuple(found)


TO_LINE = _places([each.name for each in fields(ToLine)], 0)
FROM_LINE = _places([each.name for each in fields(FromLine)], FROM_LINE_AT)
TO_LINE_WORDS = TO_LINE[-1].address + TO_LINE[-1].words
FROM_LINE_WORDS = FROM_LINE[-1].address + FROM_LINE[-1].words - FROM_LINE_AT


def encode(values: ToLine | FromLine) -> list[int]:
    """The words of either side, in order of their addresses. Text that does not fit is cut off."""
    words: list[int] = []
    for place in TO_LINE if isinstance(values, ToLine) else FROM_LINE:
        value = getattr(values, place.name)
        if place.kind == "text":
            raw = value.encode("ascii", "replace")[: 2 * place.words].ljust(2 * place.words, b"\0")
            words += [raw[at] << 8 | raw[at + 1] for at in range(0, len(raw), 2)]
        elif place.kind == "count":
            words += [value >> 16 & 0xFFFF, value & 0xFFFF]
        else:
            words.append(value & 0xFFFF)
    return words


def decode_to_line(words: Sequence[int]) -> ToLine:
    """The inverse of `encode`: what a peer makes of `TO_LINE_WORDS` words."""
    return ToLine(**_decoded(words, TO_LINE, 0))


def decode_from_line(words: Sequence[int]) -> FromLine:
    """The same of `FROM_LINE_WORDS` words. Raises ValueError where text is no printable ASCII, or
    one is no word at all.
    """
    for at, word in enumerate(words, FROM_LINE_AT):
        if not 0 <= word <= 0xFFFF:
            name = next(each.name for each in FROM_LINE if at < each.address + each.words)
            raise ValueError(f"{name}: expected 0 to 65535 in each word, got {word}")
    return FromLine(**_decoded(words, FROM_LINE, FROM_LINE_AT))


def _decoded(words: Sequence[int], places: Sequence[WordPlace], first: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place in places:
        found = words[place.address - first :][: place.words]
        if place.kind == "text":
            raw = b"".join(word.to_bytes(2, "big") for word in found).split(b"\0")[0]
            text = raw.decode("ascii", "replace").rstrip(" ")
            if not (text.isascii() and text.isprintable()):
                raise ValueError(f"{place.name}: expected printable ASCII, got {raw!r}")
            values[place.name] = text
        elif place.kind == "count":
            values[place.name] = found[0] << 16 | found[1]
        else:
            values[place.name] = found[0]
    return values
