"""The published log: each table's rows as Parquet, one file for each hour, brought up to the
database.

`published/inspections/date=2026-11-22/hour=13.parquet` holds the rows recorded in that hour (UTC),
in order of the chain. A file is replaced as a whole by one with more rows, never by one with fewer.
Nothing here deletes a published file, and those of a sealed day are written again only where they
are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import duckdb

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.publish.hour import PublishedHour, hour_before
from qc_edge.publish.seal import Seal, SealedFile, file_sha256, read_seal, sealed_days, write_seal
from qc_edge.query.published_files import ANY_HOUR
from qc_edge.store.chain import CHAIN
from qc_edge.store.duck import quoted
from qc_edge.store.durable import Disk
from qc_edge.store.ledger import Ledger

FORMAT = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192"
"""Of the files: row groups small enough to be written in little memory and skipped when not asked
for.
"""


class Publisher:
    """Used by one thread at a time. `on_hour` is called after each hour that was written.

    Whatever was not as it should be is an event in `events`.
    """

    def __init__(
        self, ledger: Ledger, directory: Path, disk: Disk, station: str, events: EventLog
    ) -> None:
        """Made before anything is committed: no row may be recorded on a day that is sealed."""
        self._ledger = ledger
        self._directory = directory
        self._temporary = directory / ".tmp"
        self._disk = disk
        self._station = station
        self._events = events
        self._sealed = sealed_days(directory)
        self._rows: dict[PublishedHour, int] = {}
        self._done: dict[str, int] = {}
        ledger.close_days(self._sealed)

    def compare(self, now: datetime, on_hour: Callable[[], None] = lambda: None) -> int:
        """Hold the files against the database and write those that are missing or short; how many.

        Called once before `publish`, and now and then. Afterwards every table has a file, if only
        an empty one for an hour that is over: DuckDB opens the first of the files once when it
        reads a query and again for its rows, so that one should not be replaced (`replaced`).
        Raises StoreError.
        """
        self._temporary.mkdir(parents=True, exist_ok=True)
        for path in self._temporary.iterdir():
            self._disk.unlink(path)
        return sum(self._compare(table, now, on_hour) for table in COLUMNS)

    def _compare(self, table: str, now: datetime, on_hour: Callable[[], None]) -> int:
        files = {
            PublishedHour.of(table, path): path for path in (self._directory / table).glob(ANY_HOUR)
        }
        with self._ledger.snapshot() as log:
            counted = log.execute(
                "SELECT date_trunc('hour', recorded_at), count(*), max(chain_seq) "  # noqa: S608
                f"FROM {table} GROUP BY 1 ORDER BY 1"
            ).fetchall()
            found = {
                hour: self._rows_in(log, path)
                for hour, path in files.items()
                if not self._is_sealed(hour)
            }
        wanted = {PublishedHour(table, start): rows for start, rows, _ in counted}
        if not wanted and not files:
            wanted[PublishedHour(table, hour_before(now))] = 0
        gone = sorted(hour.file for hour in self._rows if hour.table == table and hour not in files)
        if gone:
            self._report(
                EventKind.PUBLISHED_MENDED, f"{_listing(gone)} had been deleted: published again"
            )
        self._rows = {
            hour: rows for hour, rows in self._rows.items() if hour.table != table
        } | found
        written = 0
        for hour, rows in wanted.items():
            if hour not in files or (hour in found and found[hour] < rows):
                self._write(hour)
                written += 1
                on_hour()
        ahead = sorted(hour.file for hour, rows in found.items() if rows > wanted.get(hour, 0))
        if ahead and table not in self._done:
            self._report(
                EventKind.PUBLISHED_AHEAD,
                f"more rows than in the database, left as they are: {_listing(ahead)}",
            )
        self._done[table] = max((newest for *_, newest in counted), default=0)
        return written

    def publish(self, on_hour: Callable[[], None] = lambda: None) -> int:
        """Write the hours that have new rows; how many. Raises StoreError."""
        written = 0
        for table in COLUMNS:
            if self._ledger.newest_seq(table) <= self._done[table]:
                continue
            with self._ledger.snapshot() as log:
                hours = log.execute(
                    "SELECT date_trunc('hour', recorded_at), max(chain_seq) "  # noqa: S608
                    f"FROM {table} WHERE chain_seq > ? GROUP BY 1 ORDER BY 1",
                    [self._done[table]],
                ).fetchall()
            for start, _ in hours:
                self._write(PublishedHour(table, start))
                written += 1
                on_hour()
            self._done[table] = max(newest for _, newest in hours)
        return written

    def due(self, now: datetime) -> list[date]:
        """The days before today (UTC) that have published rows and no seal, oldest first."""
        today = now.astimezone(timezone.utc).date()
        return sorted({hour.start.date() for hour in self._rows if hour.start.date() < today})

    def seal(
        self, day: date, now: datetime, on_file: Callable[[], None] = lambda: None
    ) -> tuple[Seal, str]:
        """Close the day, publish what is left of it, write its manifest; with the manifest's
        sha256.

        From the beginning of this call no row is recorded on that day. Raises StoreError.
        """
        self._ledger.close_days([day])
        self.publish(on_file)
        hours = sorted(hour for hour in self._rows if hour.start.date() == day)
        files, ends = [], []
        for hour in hours:
            self._write(hour, final=True)
            file, end = self._sealed_file(hour)
            files.append(file)
            ends.append(end)
            on_file()
        last_seq, last_hash = max((end for end in ends if end[0] is not None), default=(None, ""))
        seal = Seal(
            day=day,
            station=self._station,
            sealed_at=now,
            rows=sum(file.rows for file in files),
            first_seq=min(
                (file.first_seq for file in files if file.first_seq is not None), default=None
            ),
            last_seq=last_seq,
            last_hash=last_hash,
            files=tuple(files),
        )
        sha256 = write_seal(self._directory, seal, self._disk)
        self._sealed.add(day)
        self._rows = {hour: rows for hour, rows in self._rows.items() if hour.start.date() != day}
        return seal, sha256

    def _write(self, hour: PublishedHour, *, final: bool = False) -> None:
        """Write the hour's file. A `final` one has the same bytes whenever it is written.

        DuckDB gives rows in the order they were added in, the chain's; but where its row groups
        begin depends on when it folded its log. To sort makes that alike, and takes as much memory
        as the hour has rows.
        """
        temporary = self._temporary / hour.file.replace("/", "-")
        columns = ", ".join([*COLUMNS[hour.table], *CHAIN])
        order = " ORDER BY chain_seq" if final or self._is_sealed(hour) else ""
        try:
            with self._ledger.snapshot() as log:
                (rows,) = log.execute(
                    f"COPY (SELECT {columns} FROM {hour.table} WHERE recorded_at >= $since "  # noqa: S608
                    f"AND recorded_at < $until{order}) TO {quoted(temporary)} ({FORMAT})",
                    {"since": hour.start, "until": hour.start + timedelta(hours=1)},
                ).fetchone() or (0,)
        except StoreError:
            temporary.unlink(missing_ok=True)
            raise
        if rows < self._rows.get(hour, 0):
            temporary.unlink()
            return
        self._disk.move_into_place(temporary, self._directory / hour.file)
        if self._is_sealed(hour):
            self._say_restored(hour)
        else:
            self._rows[hour] = rows

    def _rows_in(self, log: duckdb.DuckDBPyConnection, path: Path) -> int:
        """The rows in a published file; -1 for one that does not read."""
        try:
            found = log.execute(
                "SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]
            ).fetchone()
        except duckdb.Error as fault:
            words = f"{path.relative_to(self._directory)} did not read: published again"
            self._report(EventKind.PUBLISHED_MENDED, f"{words} ({str(fault).splitlines()[0]})")
            return -1
        return int(found[0]) if found else -1

    def _sealed_file(self, hour: PublishedHour) -> tuple[SealedFile, tuple[int | None, str]]:
        """The file of an hour as a manifest has it, and the number and hash of its last row."""
        path = self._directory / hour.file
        with self._ledger.snapshot() as log:
            rows, first, last, last_hash = log.execute(
                "SELECT count(*), min(chain_seq), max(chain_seq), arg_max(chain_hash, chain_seq) "
                "FROM read_parquet(?, hive_partitioning = false)",
                [str(path)],
            ).fetchone() or (0, None, None, None)
        size = path.stat().st_size
        return SealedFile(hour.file, rows, first, last, size, file_sha256(path)), (
            last,
            last_hash or "",
        )

    def _say_restored(self, hour: PublishedHour) -> None:
        """A file of a sealed day was missing: the rows are back; whether byte for byte, the
        manifest says.
        """
        sealed = {
            file.path: file.sha256 for file in read_seal(self._directory, hour.start.date()).files
        }
        same = file_sha256(self._directory / hour.file) == sealed.get(hour.file)
        (self._directory / hour.file).chmod(0o440)
        words = (
            "byte for byte as it was sealed"
            if same
            else "with the same rows, but other bytes than were sealed"
        )
        self._report(
            EventKind.PUBLISHED_MENDED, f"{hour.file} had been deleted: published again {words}"
        )

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail))

    def _is_sealed(self, hour: PublishedHour) -> bool:
        return hour.start.date() in self._sealed


def _listing(files: list[str]) -> str:
    return ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
