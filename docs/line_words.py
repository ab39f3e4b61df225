"""Write docs/reference/line-words.md, what a line reads and writes word by word, and the numbers of
reasons, from the sources: part of `python docs/generate.py`.
"""

from __future__ import annotations

from qc_edge.output.handshake.reasons import REASON_NUMBERS, UNKNOWN_REASON
from qc_edge.output.handshake.words import (
    FROM_LINE,
    TO_LINE,
    TO_LINE_WORDS,
    Code,
    Fault,
    StateBit,
    WordPlace,
)

HEAD = f"""\
# What a line reads and writes

Generated from `qc_edge/output/handshake/` by `python docs/generate.py`; [plc.md](../plc.md) says what to do with it. Words have
16 bits. An address counts from 0, as it goes over the wire: many PLCs and tools show holding register 0 as 40001. A *count* is
two words, the high one first. *Text* is ASCII, two characters in a word, the first in the high byte, filled up with zeros.

One Modbus request (function 3 or 4, {TO_LINE_WORDS} words from address 0) reads everything of one moment.
"""

REASONS = """
## Numbers of reasons

Stable; [reasons.md](reasons.md) says what each means, but for those from 601 on, which only an output has: no verdict within
the deadline of the trigger; a part that may be of several triggers; frames with another id than the line gave; `qc-edge line test`.

| number | reason |
|---|---|
"""

MEANINGS = {
    "session": "Another number after each start of the station. When it changes: every part under way is HOLD, then reset.",
    "heartbeat": "Changes every `heartbeat_ms` while the output lives. Of the line: changes within `peer_heartbeat_ms`.",
    "state": "Bits, below.",
    "faults": "Bits, below.",
    "trigger_taken": "Echo of `trigger`: taken; now the camera may be fired. 0 after a reset.",
    "reset_done": "Echo of `reset`: nothing of before will be told any more.",
    "recipe": "The number of the recipe in force; 0: none. Of the line: the one that it wants, where `recipes = true`.",
    "recipe_refused": "The number that the line asked for and that will not be in force; an event says why.",
    "triggers": "Triggers taken (or parts, where the station counts) since the start.",
    "accepted": "Told ACCEPT since the start.",
    "rejected": "Told REJECT since the start.",
    "held": "Told HOLD since the start.",
    "lost": "Triggers without a verdict in time since the start.",
    "sequence": "Whose result stands here: the number of its trigger. 0: none.",
    "verdict": "The code in the high four bits, the low twelve bits of `sequence` below.",
    "complement": "The same with every bit turned over. 0 and 0: no result.",
    "reason": "Why, as a number: below.",
    "score": "The score in ten-thousandths, 0 to 10000; 65535: none.",
    "age_ms": "From the exposure until the result stood here (ms).",
    "part_id": "Of the part. Of the line: its id of the part of this trigger; empty: none.",
    "defect_class": "The class that the model takes a defect for.",
    "commit": "`sequence` again, the last word: all before it stands.",
    "reset": "Another number than `reset_done`, the next: begin anew. Write `trigger`, `acknowledge`, `ejected` and `passed` to 0 with it.",
    "acknowledge": "The `sequence` that was read and acted upon.",
    "ejected": "The `sequence` of a part that is in its bin.",
    "passed": "The `sequence` of a part that went on, past the ejector.",
    "lot": "The batch of the part of this trigger; empty: none.",
    "trigger": "The number of the next part, 1 to 65535 and then 1 again. Written last, before the camera is fired.",
    "counted": "Parts that the line has counted by itself, since whenever; it only grows, and begins anew with 0.",
    "counted_accepted": "Of these, the ones that it let pass as good.",
    "counted_ejected": "Of these, the ones that it took out.",
    "closing": "Another number than before, while no part is under way: compare the three counts with the station's, since the last time.",
}

FAULTS = {
    Fault.CAMERA: "a camera is not connected",
    Fault.ENGINE: "no model judges",
    Fault.CALIBRATION: "a calibration is past its date",
    Fault.DISK: "no room on the disk: nothing is judged",
    Fault.CLOCK: "the clock is not synchronised, or was stepped back",
    Fault.LATE: "the last result was too late, and HOLD",
    Fault.BEHIND: "the inspection is behind the line",
    Fault.PEER: "the line's heartbeat does not change",
    Fault.PAIRING: "a trigger has had no frame; the next are HOLD if it may be theirs, until a pause of two deadlines",
    Fault.EJECTION: "a part was not confirmed as ejected, or went past the ejector; until a reset",
    Fault.COUNT: "the counts of the line and of the station differ; until they are compared again and fit",
    Fault.CHALLENGE: "a challenge is due: parts are HOLD until the challenge parts were shown",
    Fault.STATION: "the station does not judge: `qc-edge status` says why",
}

STATES = {
    StateBit.READY: "a trigger will be judged; 0 also while it starts and after a fault of `not_ready`",
    StateBit.BUSY: "a trigger waits for its result",
    StateBit.RESULT: "a result stands",
    StateBit.ALARM: "as the fault EJECTION",
    StateBit.RESET_NEEDED: "no trigger is taken before a reset",
}

CODES = {
    Code.NONE: "no result",
    Code.ACCEPT: "ACCEPT",
    Code.REJECT: "REJECT",
    Code.HOLD: "HOLD: a person decides; never on to the customer",
}


def line_words() -> str:
    """docs/reference/line-words.md."""
    return "".join(
        [
            HEAD,
            "\n## The line reads\n\n",
            _words(TO_LINE),
            "\n## The line writes\n\nAny other address is refused, and so is text that is no printable ASCII.\n\n",
            _words(FROM_LINE),
            "\n## Codes of `verdict`\n\n| code | meaning |\n|---|---|\n",
            *(f"| 16#{code:X} | {words} |\n" for code, words in CODES.items()),
            "\n## Bits of `state`\n\n| bit | name | meaning |\n|---|---|---|\n",
            *(_bit(bit, words) for bit, words in STATES.items()),
            "\n## Bits of `faults`\n\n| bit | name | meaning |\n|---|---|---|\n",
            *(_bit(bit, words) for bit, words in FAULTS.items()),
            REASONS,
            *(f"| {number} | `{reason!s}` |\n" for reason, number in REASON_NUMBERS.items()),
            f"| {UNKNOWN_REASON} | one that this table does not have yet |\n",
        ]
    )


def _words(places: tuple[WordPlace, ...]) -> str:
    rows = [
        f"| {place.address} | {place.words} | `{place.name}` | {place.kind} | {MEANINGS[place.name]} |\n"
        for place in places
    ]
    return "| address | words | name | kind | meaning |\n|---|---|---|---|---|\n" + "".join(rows)


def _bit(bit: Fault | StateBit, words: str) -> str:
    return f"| {bit.value.bit_length() - 1} | {bit.name} | {words} |\n"
