"""The rows of a station out of its text journal, whatever its database is like. Writes nothing.

The journal has a row first, before the database and the published files, and is plain text: it
reads while the station runs and where a database or a Parquet file is damaged. So `doctor` and the
support bundle read here, not the published log: the log may be what is broken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.domain.inspection import COLUMNS, Inspection
from qc_edge.query.typed_rows import to_inspection

_BLOCK_BYTES = 1 << 20
_RECENT_HOURS = 2


@dataclass(frozen=True, slots=True)
class JournalInspection:
    """An inspection with its line: number in the chain, hash (hex), canonical JSON, and the hash of
    the line before it (None at the beginning of a file).
    """

    row: Inspection
    seq: int
    sha256: str
    text: str
    previous: str | None


def newest_rows(journal: Path) -> Iterator[dict[str, Any]]:
    """Rows as the journal has them, newest first, with their `table`; the station may be running.

    Read in blocks from the end: a few rows of a long day cost little. Lines that do not read (the
    last one may be half written) are left out. Raises OSError if a file may not be read.
    """
    return _parsed(_newest_lines(journal, ""))


def newest_inspections(
    journal: Path, may_be: Callable[[bytes], bool] | None = None, since: datetime | None = None
) -> Iterator[Inspection]:
    """The inspections in the journal, newest first, as `newest_rows`.

    Only lines that `may_be` is true of are parsed, which takes twenty times as long as to look for
    a few bytes in one; only files of the hour of `since` (aware UTC) and later are read.
    """
    lines = _newest_lines(journal, f"{since:%Y-%m-%dT%H}" if since else "")
    for row in _parsed(lines if may_be is None else filter(may_be, lines)):
        if row["table"] == Inspection.TABLE:
            try:
                yield to_inspection({name: row.get(name) for name in COLUMNS[Inspection.TABLE]})
            except (ValueError, LookupError):
                continue


def deleted_since(journal: Path, since: datetime) -> dict[str, str]:
    """Frame -> the pictures of it that rules have deleted, with blanks between, by the rows from
    the hour of `since` (aware UTC) on. Raises OSError.
    """
    gone: dict[str, str] = {}
    lines = _newest_lines(journal, f"{since:%Y-%m-%dT%H}")
    for row in _parsed(line for line in lines if b'{"table":"deletions"' in line):
        frame, pictures = str(row.get("frame_id")), str(row.get("pictures"))
        gone[frame] = f"{gone.get(frame, '')} {pictures}"
    return gone


def recent_inspections_of(journal: Path, part_id: str) -> Iterator[JournalInspection]:
    """The inspections of a part in the newest two hours of the journal, oldest first.

    What is older is published. Raises ValueError for a line of this part that does not read.
    """
    # Lines are searched as bytes and only those of the part are parsed: an hour has 36,000 lines.
    needle = f'"part_id":{json.dumps(part_id, ensure_ascii=False)}'.encode()
    for path in sorted(journal.glob("*.jsonl"))[-_RECENT_HOURS:]:
        previous: bytes | None = None
        for line in path.read_bytes().splitlines():
            seq, _, rest = line.partition(b"\t")
            sha256, _, text = rest.partition(b"\t")
            if needle in text and text.startswith(b'{"table":"inspections"'):
                values = dict.fromkeys(COLUMNS[Inspection.TABLE]) | json.loads(text)
                del values["table"]
                row = to_inspection(values)
                if row.part_id == part_id:
                    before = previous.decode() if previous is not None else None
                    yield JournalInspection(row, int(seq), sha256.decode(), text.decode(), before)
            previous = sha256


def _newest_lines(journal: Path, first_hour: str) -> Iterator[bytes]:
    for file in sorted(journal.glob("*.jsonl"), reverse=True):
        if file.stem < first_hour:
            return
        yield from _lines_backwards(file)


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line.split(b"\t", 2)[2])
        except (ValueError, IndexError):
            continue
        if isinstance(row, dict) and isinstance(row.get("table"), str):
            yield row


def _lines_backwards(file: Path) -> Iterator[bytes]:
    with file.open("rb") as data:
        left, rest = data.seek(0, os.SEEK_END), b""
        while left:
            size = min(_BLOCK_BYTES, left)
            left -= size
            data.seek(left)
            # What stands before the first newline of a block continues in the block before it.
            rest, *lines = (data.read(size) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
        if rest:
            yield rest
