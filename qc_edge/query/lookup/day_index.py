"""The look-up index of one sealed day: which numbers of the chain speak of a part, an event, a gap.

`published/lookup/date=2026-11-27.idx`, beside the day's seal. It says where to look and nothing
else: the rows are always read, and without an index all of them are. Every block of it has a
checksum, and one that does not fit is DamagedIndexError.

An entry is a number of 64 bits: the upper half from the key's hash, the lower one the row's number
counted from the day's first. They are sorted, so that a key's rows are one stretch.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_edge.domain.inspection import COLUMNS

DIRECTORY = "lookup"
TABLES = tuple(COLUMNS)
"""By their place in an index."""

HOURS = 24
_NAME = "date=%Y-%m-%d.idx"
_MARK = b"qc-edge lookup 1\n"
_BLOCK = 1024
"""Entries that are read and checked at once: 8 kB."""

_PIECE = 1 << 14
_NONE = 0xFFFFFFFF

Entries = NDArray[np.uint64]


class DamagedIndexError(ValueError):
    """An index that does not read, or whose checksums do not fit."""


@dataclass(frozen=True, slots=True, eq=False)
class DayIndex:
    """The head of an index. `newest` has the last number of each kind of event that decides;
    `hours` by table and hour the lowest and highest number in its file, counted from `first_seq`,
    or _NONE where there is no row.
    """

    day: date
    seal_sha256: str
    first_seq: int
    last_seq: int
    count: int
    newest: dict[str, int]
    hours: NDArray[np.uint32]
    firsts: NDArray[np.uint32]
    sums: NDArray[np.uint32]
    begin: int

    def hours_of(self, table: str, first: int, last: int) -> Iterator[datetime]:
        """The hours whose file of `table` may have rows of number `first` to `last`."""
        if last < self.first_seq or first > self.last_seq:
            return
        low, high = self.hours[TABLES.index(table)].T
        fits = (low != _NONE) & (low.astype(np.int64) + self.first_seq <= last)
        fits &= high.astype(np.int64) + self.first_seq >= first
        for hour in np.flatnonzero(fits):
            yield datetime.combine(self.day, time(int(hour)))


def index_path(published: Path, day: date) -> Path:
    """Where the index of that day is, or will be."""
    return published / DIRECTORY / f"{day:{_NAME}}"


def indexed_days(published: Path) -> set[date]:
    """The days that have an index, whatever is in it."""
    try:
        names = os.listdir(published / DIRECTORY)  # noqa: PTH208 - only names
    except OSError:
        return set()
    days = set()
    for name in names:
        try:
            days.add(datetime.strptime(name, _NAME).date())  # noqa: DTZ007 - a day of UTC
        except ValueError:
            continue
    return days


def key_hash(table: str, key: str) -> int:
    """The 32 bits under which rows of `table` with that key stand; `HASH_SQL` gives the same."""
    digest = hashlib.md5(f"{table}\n{key}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:12], "little")


def hash_sql(table: str, key: str) -> str:
    """SQL for `key_hash` of the expression `key`: DuckDB's own hash() differs between versions."""
    return f"(md5_number_lower(concat('{table}', chr(10), {key})) & {_NONE})"


def to_bytes(
    day: date,
    seal_sha256: str,
    numbers: tuple[int, int],
    newest: dict[str, int],
    hours: NDArray[np.uint32],
    entries: Entries,
) -> bytes:
    """An index as its file has it; `numbers` are the day's first and last, `entries` are sorted."""
    blocks = [entries[at : at + _BLOCK].astype("<u8") for at in range(0, len(entries), _BLOCK)]
    firsts = np.array([int(block[0]) >> 32 for block in blocks], "<u4")
    sums = np.array([zlib.crc32(block.tobytes()) for block in blocks], "<u4")
    values = {
        "day": str(day),
        "seal_sha256": seal_sha256,
        "first_seq": numbers[0],
        "last_seq": numbers[1],
        "count": len(entries),
        "tables": len(TABLES),
        "newest": newest,
    }
    words = json.dumps(values, sort_keys=True).encode()
    head = b"".join(
        (
            len(words).to_bytes(4, "little"),
            words,
            hours.astype("<u4").tobytes(),
            firsts.tobytes(),
            sums.tobytes(),
        )
    )
    lead = len(head).to_bytes(4, "little") + zlib.crc32(head).to_bytes(4, "little")
    return b"".join((_MARK, lead, head, *(block.tobytes() for block in blocks)))


def read_head(file: int) -> DayIndex:
    """The head of the index that is open as `file`. Raises DamagedIndexError."""
    data = os.pread(file, _PIECE, 0)
    begin = len(_MARK) + 8
    if not data.startswith(_MARK) or len(data) < begin:
        raise DamagedIndexError("it is no index of this version")
    size = int.from_bytes(data[begin - 8 : begin - 4], "little")
    if begin + size > len(data):
        data += os.pread(file, min(size, 1 << 24), len(data))
    head = data[begin : begin + size]
    if zlib.crc32(head) != int.from_bytes(data[begin - 4 : begin], "little"):
        raise DamagedIndexError("its head has another checksum")
    words = int.from_bytes(head[:4], "little")
    values: dict[str, Any] = json.loads(head[4 : 4 + words])
    if values["tables"] != len(TABLES):
        raise DamagedIndexError("it is of a version with other tables")
    numbers = np.frombuffer(head, "<u4", offset=4 + words)
    width = len(TABLES) * HOURS * 2
    blocks = -(-values["count"] // _BLOCK)
    return DayIndex(
        day=date.fromisoformat(values["day"]),
        seal_sha256=values["seal_sha256"],
        first_seq=values["first_seq"],
        last_seq=values["last_seq"],
        count=values["count"],
        newest=values["newest"],
        hours=numbers[:width].reshape(len(TABLES), HOURS, 2),
        firsts=numbers[width : width + blocks],
        sums=numbers[width + blocks :],
        begin=begin + size,
    )


def numbers_of(file: int, head: DayIndex, hashes: Sequence[int]) -> list[int]:
    """The numbers in the chain of the rows with one of these hashes, in order; a few more may be
    among them. Raises DamagedIndexError.
    """
    found = []
    for wanted in hashes:
        # The last block that begins before the hash may have its first entries.
        block = max(0, int(np.searchsorted(head.firsts, wanted)) - 1)
        while block < len(head.firsts) and head.firsts[block] <= wanted:
            entries = _read_block(file, head, block)
            low, high = np.searchsorted(
                entries, np.array([wanted << 32, (wanted << 32) | _NONE], np.uint64)
            )
            end = high + 1 if high < len(entries) and int(entries[high]) >> 32 == wanted else high
            found += [head.first_seq + (int(entry) & _NONE) for entry in entries[low:end]]
            block += 1
    return sorted(found)


def checked_head(path: Path) -> DayIndex:
    """The head of that index, whose blocks have all been held against their checksums.

    Raises DamagedIndexError, OSError.
    """
    with opened(path) as file:
        head = read_head(file)
        for block in range(len(head.firsts)):
            _read_block(file, head, block)
        return head


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The file open for the functions of this module. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _read_block(file: int, head: DayIndex, block: int) -> Entries:
    size = 8 * min(_BLOCK, head.count - block * _BLOCK)
    data = os.pread(file, size, head.begin + 8 * block * _BLOCK)
    if len(data) != size or zlib.crc32(data) != head.sums[block]:
        raise DamagedIndexError(f"block {block} has another checksum")
    return np.frombuffer(data, "<u8")
