"""The journal read line by line for an audit: where each row stands, and what does not read.

A station that starts reads its journal by qc_edge.store; this reader looks for what that one would
mend or refuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One row: its number in the chain, the hash beside it, its text, and its line (from 1)."""

    seq: int
    sha256: str
    text: str
    number: int


@dataclass(slots=True)
class JournalFile:
    """One file of the journal, which holds an hour.

    `lines` are its rows by number. `damaged` are the lines that do not read, as (line, why), and
    `repeated` those whose number stands in an earlier line. `torn_end` says that the last line has
    no end.
    """

    path: Path
    lines: dict[int, JournalLine] = field(default_factory=dict)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    repeated: list[JournalLine] = field(default_factory=list)
    in_order: bool = True
    torn_end: bool = False

    @property
    def first(self) -> int:
        """The lowest row number; only of a file that has lines."""
        return min(self.lines)

    @property
    def last(self) -> int:
        """The highest row number; only of a file that has lines."""
        return max(self.lines)

    def where(self, seq: int) -> str:
        """Where row `seq` stands, for a message."""
        return f"journal/{self.path.name} line {self.lines[seq].number}"


def read_journal_file(path: Path) -> JournalFile:
    """All of one file; lines that do not read are in the result. Raises OSError."""
    hour, previous = JournalFile(path), 0
    data = path.read_bytes()
    hour.torn_end = bool(data) and not data.endswith(b"\n")
    # Not splitlines(): a row's text may hold other characters that it takes for the end of a line.
    for number, content in enumerate(data.split(b"\n"), 1):
        if not content:
            continue
        try:
            seq, sha256, text = content.split(b"\t", 2)
            line = JournalLine(int(seq), sha256.decode("ascii"), text.decode(), number)
        except ValueError as fault:
            hour.damaged.append((number, str(fault)[:100]))
            continue
        hour.in_order = hour.in_order and line.seq > previous
        previous = line.seq
        if line.seq in hour.lines:
            hour.repeated.append(line)
        else:
            hour.lines[line.seq] = line
    return hour


def journal_files(directory: Path, since: datetime | None) -> list[Path]:
    """The files of the hours from `since` (aware) on, oldest first; all without it."""
    paths = sorted(directory.glob("*.jsonl"))  # named by the hour, UTC: in order of time
    if since is None:
        return paths
    low = f"{since.astimezone(timezone.utc):%Y-%m-%dT%H}"
    return [path for path in paths if path.stem >= low]
