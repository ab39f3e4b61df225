"""The newest rows of a station, out of its text journal: whatever its database is like. Writes
nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def newest_rows(journal: Path) -> Iterator[dict[str, Any]]:
    """Rows as the journal has them, newest first, with their `table`; the station may be running.

    Read in blocks from the end: asking for a few rows of a long day is cheap. Lines that do not
    read (the last one may be half written) are left out. Raises OSError if a file may not be read.
    """
    for file in sorted(journal.glob("*.jsonl"), reverse=True):
        for line in _backwards(file):
            try:
                row = json.loads(line.split(b"\t", 2)[2])
            except (ValueError, IndexError):
                continue
            if isinstance(row, dict) and isinstance(row.get("table"), str):
                yield row


def _backwards(file: Path) -> Iterator[bytes]:
    with file.open("rb") as data:
        left, rest = data.seek(0, os.SEEK_END), b""
        while left:
            size = min(_BLOCK, left)
            left -= size
            data.seek(left)
            rest, *lines = (data.read(size) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
        if rest:
            yield rest
