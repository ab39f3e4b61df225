"""The journal read line by line for an audit: where each row stands, and what does not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

_TAB = b"\t"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One row: its number, the hash beside it, its text, and its line (from 1)."""

    seq: int
    sha256: str
    text: str
    number: int


@dataclass(slots=True)
class JournalFile:
    """One file of the journal: its rows by number, the lines that do not read, and out-of-place
    ones.
    """

    path: Path
    lines: dict[int, JournalLine] = field(default_factory=dict)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    twice: list[JournalLine] = field(default_factory=list)
    in_order: bool = True
    torn_end: bool = False

    @property
    def first(self) -> int:
        """The lowest number; only of an hour that has lines."""
        return min(self.lines)

    @property
    def last(self) -> int:
        """The highest number; only of an hour that has lines."""
        return max(self.lines)

    def where(self, seq: int) -> str:
        """Where row `seq` stands, for a message."""
        return f"journal/{self.path.name} line {self.lines[seq].number}"


def read_hour(path: Path) -> JournalFile:
    """All of one file. Raises OSError."""
    hour, previous = JournalFile(path), 0
    data = path.read_bytes()
    hour.torn_end = bool(data) and not data.endswith(b"\n")
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line:
            continue
        try:
            seq, sha256, text = line.split(_TAB, 2)
            found = JournalLine(int(seq), sha256.decode("ascii"), text.decode(), number)
        except ValueError as fault:
            hour.damaged.append((number, str(fault)[:100]))
            continue
        hour.in_order = hour.in_order and found.seq > previous
        previous = found.seq
        if found.seq in hour.lines:
            hour.twice.append(found)
        else:
            hour.lines[found.seq] = found
    return hour


def files(directory: Path, since: datetime | None) -> list[Path]:
    """The files of the hours from `since` on, oldest first."""
    found = sorted(directory.glob("*.jsonl"))
    if since is None:
        return found
    low = f"{since.astimezone(timezone.utc):%Y-%m-%dT%H}"
    return [path for path in found if path.stem >= low]


def hours(paths: list[Path]) -> Iterator[JournalFile]:
    """Each file in turn."""
    return (read_hour(path) for path in paths)
