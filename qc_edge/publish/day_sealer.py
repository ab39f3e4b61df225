"""Sealing a finished day so that its manifest cannot be changed unseen, whenever the power goes.

First the event with the manifest's digest, which the chain holds, then the manifest. A power cut
in between leaves an event without its manifest, which `mend` makes again with the same bytes; the
other way round it would leave a manifest that anybody could change. Writes no Parquet file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.publish.seal import (
    Seal,
    SealedFile,
    file_sha256,
    make_read_only,
    make_seal,
    manifest_sha256,
    read_seal,
    seal_path,
    sealed_days,
    write_seal,
)
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger

_TOLD = re.compile(r"(\d{4}-\d\d-\d\d) is sealed(?:.* at (\S+))?")
_MODES_LOOKED_AT = 7
"""Newest sealed days whose files are made read-only again at the start: a power cut may have taken
that, and a look at every file of years would take long.
"""


@dataclass(frozen=True, slots=True)
class ToldSeal:
    """What an event says of a seal: the digest of its manifest, and when it was made (None in
    events of earlier versions).
    """

    sha256: str
    sealed_at: datetime | None


class DaySealer:
    """Seals the days of one station and mends their seals. One thread.

    `closed` are the days that take no more rows: those with a manifest, and those with an event.
    """

    def __init__(
        self, ledger: Ledger, directory: Path, disk: Disk, station: str, events: EventLog
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._disk = disk
        self._station = station
        self._events = events
        self._told = self._read_told()
        self._refused: set[date] = set()
        self._modes_are_known = False
        self.closed = sealed_days(directory) | self._told.keys()

    def seal(self, day: date, now: datetime, paths: Iterable[Path]) -> tuple[Seal, str]:
        """Seal the day over its files `paths`, which are final: its manifest, and its sha256 (hex).

        Raises StoreError. Then the day is still without a seal, and may be sealed again; or its
        event stands, and `mend` writes the manifest.
        """
        seal = self._made(day, now, paths)
        sha256 = manifest_sha256(seal)
        detail = (
            f"{day} is sealed: {seal.rows} rows in {len(seal.files)} files, at {now.isoformat()}"
        )
        self._tell(day, detail, sha256)
        self._told[day] = ToldSeal(sha256, now)
        self.closed.add(day)
        write_seal(self._directory, seal, self._disk)
        return seal, sha256

    def mend(self, on_day: Callable[[], None] = lambda: None) -> None:
        """Make manifests that are missing, and tell those that no event tells. Raises StoreError.

        A day that is not what its event or its manifest says is reported once, and left as it is.
        """
        present = sealed_days(self._directory)
        for day in sorted(self._told.keys() - present - self._refused):
            self._make_again(day, self._told[day])
            on_day()
        for day in sorted(present - self._told.keys() - self._refused):
            self._tell_late(day)
            on_day()
        if not self._modes_are_known:
            for day in sorted(present)[-_MODES_LOOKED_AT:]:
                with suppress(StoreError, OSError):  # what is missing or damaged, `verify` tells
                    make_read_only(self._directory, read_seal(self._directory, day))
            self._modes_are_known = True

    def _read_told(self) -> dict[date, ToldSeal]:
        with self._ledger.snapshot() as log:
            rows = log.execute(
                "SELECT detail, after FROM events WHERE kind = ? ORDER BY chain_seq",
                [str(EventKind.SEALED)],
            ).fetchall()
        told = {}
        for detail, sha256 in rows:
            if sha256 and (found := _TOLD.match(detail)):
                at = datetime.fromisoformat(found[2]) if found[2] else None
                told[date.fromisoformat(found[1])] = ToldSeal(sha256, at)
        return told

    def _make_again(self, day: date, told: ToldSeal) -> None:
        if told.sealed_at is None:
            words = "and cannot be made again: its event, of an earlier version, says not when"
            self._refuse(day, f"the seal of {day} is missing, {words} it was made")
            return
        seal = self._made(day, told.sealed_at, self._directory.glob(f"*/date={day}/hour=*.parquet"))
        sha256 = manifest_sha256(seal)
        if sha256 != told.sha256:
            self._refuse(
                day,
                f"the seal of {day} is missing, and the day is not what was sealed: it has "
                f"{seal.rows} rows in {len(seal.files)} files now, and its manifest would be "
                f"{sha256[:12]}, its event says {told.sha256[:12]}",
            )
            return
        write_seal(self._directory, seal, self._disk)
        words = f"the seal of {day} was missing: made again, as its event says"
        self._events.report(Occurrence(EventKind.PUBLISHED_MENDED, words))

    def _tell_late(self, day: date) -> None:
        """The event of a seal that was written without one: earlier versions wrote that first."""
        try:
            seal = read_seal(self._directory, day)
        except StoreError as fault:
            self._refuse(day, fault.message)
            return
        if wrong := self._what_differs(seal):
            self._refuse(day, f"no event tells the seal of {day}, and it does not fit: {wrong}")
            return
        detail = (
            f"{day} is sealed: {seal.rows} rows in {len(seal.files)} files, found without its "
            f"event and held against the day, at {seal.sealed_at.isoformat()}"
        )
        sha256 = file_sha256(seal_path(self._directory, day))
        self._tell(day, detail, sha256)
        self._told[day] = ToldSeal(sha256, seal.sealed_at)
        make_read_only(self._directory, seal)

    def _what_differs(self, seal: Seal) -> str:
        """How a manifest differs from the day's files and from the log; empty if it does not."""
        for file in seal.files:
            path = self._directory / file.path
            if not path.exists():
                return f"{file.path} is missing"
            if file_sha256(path) != file.sha256:
                return f"{file.path} has other bytes"
        rows = " UNION ALL ".join(
            f"SELECT chain_seq, chain_hash FROM {table} "  # noqa: S608
            "WHERE recorded_at >= $since AND recorded_at < $until"
            for table in COLUMNS
        )
        with self._ledger.snapshot() as log:
            found = log.execute(
                "SELECT count(*), min(chain_seq), max(chain_seq), "  # noqa: S608
                f"coalesce(arg_max(chain_hash, chain_seq), '') FROM ({rows})",
                {"since": seal.day, "until": seal.day + timedelta(days=1)},
            ).fetchone()
        if found != (seal.rows, seal.first_seq, seal.last_seq, seal.last_hash):
            return "the log has other rows on that day"
        return ""

    def _made(self, day: date, sealed_at: datetime, paths: Iterable[Path]) -> Seal:
        files = [self._sealed_file(path) for path in sorted(paths)]
        return make_seal(day, self._station, sealed_at, files)

    def _sealed_file(self, path: Path) -> tuple[SealedFile, str]:
        """A file as a manifest has it, and the hash of its last row ("" if it has none)."""
        with self._ledger.snapshot() as log:
            rows, first, last, last_hash = log.execute(
                "SELECT count(*), min(chain_seq), max(chain_seq), arg_max(chain_hash, chain_seq) "
                "FROM read_parquet(?, hive_partitioning = false)",
                [str(path)],
            ).fetchone() or (0, None, None, None)
        name, size = path.relative_to(self._directory).as_posix(), path.stat().st_size
        return SealedFile(name, rows, first, last, size, file_sha256(path)), last_hash or ""

    def _tell(self, day: date, detail: str, sha256: str) -> None:
        record = seal_path(self._directory, day).relative_to(self._directory.parent).as_posix()
        event = Occurrence(
            EventKind.SEALED, detail, after=sha256, record=record, record_sha256=sha256
        )
        self._events.record([event])

    def _refuse(self, day: date, words: str) -> None:
        self._refused.add(day)
        self._events.report(Occurrence(EventKind.SEAL_DIFFERS, words))
