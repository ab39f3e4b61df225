"""The rows as text, one file an hour: appended and synced before the database commits.

A database is easily lost as a whole: a torn write-ahead log has left DuckDB files that do not open,
and by then the frames have left the spool. A text file loses at most its torn end. So a row stands
once it is here, and a database that is lost or set aside is filled again from here (decision 0002).
Lines: number, hash, canonical JSON, separated by tabs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from qc_edge.domain.inspection import COLUMNS
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk
from qc_edge.store.log.chain import Link, chain_hash

_TAIL = 1 << 20
"""A torn end is shorter than this: at most one batch of rows, some 1.7 kB each."""


class Journal:
    """The journal of one station: append-only, used under the ledger's lock.

    `repairs` says in words what was torn, damaged or out of order when it was read.
    """

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._fd = -1
        self._open_name = ""
        self._whole_bytes: int | None = None
        """Of the open file, where a refused append left more behind that could not be cut off."""
        self.repairs = self._cut_torn_end()
        self._newest_name = max((path.name for path in directory.glob("*.jsonl")), default="")

    def append(self, links: Sequence[Link], now: datetime) -> None:
        """Make these rows durable, in order. Raises DiskFullError or StoreError; then none is
        kept.
        """
        # Never back to an earlier file when the wall clock is stepped back: the order of the files
        # by name is the order of the rows.
        name = max(f"{now.astimezone(timezone.utc):%Y-%m-%dT%H}.jsonl", self._newest_name)
        data = "".join(f"{link.seq}\t{link.sha256}\t{link.text}\n" for link in links).encode()
        try:
            self._cut_refused()
            if name != self._open_name:
                self._switch_to(name)
                self._newest_name = name
            size = os.fstat(self._fd).st_size
            try:
                self._disk.append(self._fd, data)
            except OSError:
                # Also after a failed sync, where the data may be in the file: a row that was
                # refused must not come back at the next start.
                self._whole_bytes = size
                self._cut_refused()
                raise
        except OSError as fault:
            raise store_error(fault, f"cannot append to {self._directory / name}") from fault

    def after(self, seq: int, sha256: str) -> Iterator[list[Link]]:
        """The rows behind the one with number `seq` and hash `sha256`, oldest first, in portions.

        A line that does not read is left out; one whose hash does not follow from the row before
        it is kept, for `verify` to show. Both are noted in `repairs`. Raises StoreError.
        """
        try:
            self._cut_refused()
        except OSError as fault:
            raise store_error(fault, f"cannot mend {self._directory / self._open_name}") from fault
        # From the newest file back to the one that holds `seq`: a journal of years is not read.
        files = sorted(self._directory.glob("*.jsonl"))
        start = len(files)
        while start > 0:
            start -= 1
            if _first_seq(files[start]) <= seq + 1:
                break
        for path in files[start:]:
            portion = []
            for number, line in enumerate(_lines(path), 1):
                if _seq(line) <= seq:
                    continue
                try:
                    link = _parse(line)
                except (ValueError, KeyError) as fault:
                    self.repairs.append(
                        f"{path.name} line {number} is damaged and was left out: {fault}"
                    )
                    continue
                if chain_hash(sha256, link.seq, link.text) != link.sha256:
                    self.repairs.append(
                        f"{path.name} line {number} does not follow from the row before it"
                    )
                sha256 = link.sha256
                portion.append(link)
            if portion:
                yield portion

    def close(self) -> None:
        """Close the file that is open. May be called twice."""
        if self._fd >= 0:
            with suppress(OSError):
                self._cut_refused()
            os.close(self._fd)
        self._fd, self._open_name, self._whole_bytes = -1, "", None

    def _switch_to(self, name: str) -> None:
        self.close()
        path = self._directory / name
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        # An empty file is new, or its name was not made durable by a try before this one. Without
        # its name in the directory it would be gone after a power cut, with all its rows.
        if os.fstat(self._fd).st_size == 0:
            self._disk.sync_directory(self._directory)
        self._open_name = name

    def _cut_refused(self) -> None:
        """Take a refused append out of the file. Raises OSError; then the next call tries again."""
        if self._whole_bytes is not None:
            self._disk.truncate(self._fd, self._whole_bytes)
            self._whole_bytes = None

    def _cut_torn_end(self) -> list[str]:
        """Cut off what does not read at the end of the newest file; what was cut off, in words.

        Only there: files before it were complete when the next one was begun. Raises
        DiskReadOnlyError or StoreError.
        """
        files = sorted(self._directory.glob("*.jsonl"))
        if not files:
            return []
        with files[-1].open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(0, size - _TAIL))
            tail = file.read()
        good = tail.rfind(b"\n") + 1
        while good and not _reads(tail[tail.rfind(b"\n", 0, good - 1) + 1 : good]):
            good = tail.rfind(b"\n", 0, good - 1) + 1
        if start + good == size:
            return []
        try:
            os.truncate(files[-1], start + good)
        except OSError as fault:
            raise store_error(fault, f"cannot cut the torn end off {files[-1]}") from fault
        return [f"{files[-1].name} ended in {size - start - good} torn bytes, which were cut off"]


def _reads(line: bytes) -> bool:
    try:
        _parse(line)
    except (ValueError, KeyError):
        return False
    return True


def _seq(line: bytes) -> float:
    number = line.partition(b"\t")[0]
    # inf for a damaged line, so that no reader passes it over: it is noted when it is parsed.
    return int(number) if number.isdigit() else float("inf")


def _first_seq(path: Path) -> float:
    return next((_seq(line) for line in _lines(path)), float("inf"))


def _parse(line: bytes) -> Link:
    seq, sha256, text = line.decode().rstrip("\n").split("\t", 2)
    row = json.loads(text)
    table = row.pop("table")
    # A table that only a newer software knows has its place in the chain, and no row here.
    columns = COLUMNS.get(table, ())
    return Link(table, tuple(row.get(name) for name in columns), int(seq), sha256, text)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
