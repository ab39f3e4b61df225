"""The published log is written here: each table's rows as Parquet, one file for each hour.

`published/inspections/date=2026-11-22/hour=13.parquet` holds the rows recorded in that hour (UTC),
in order of the chain. A file is replaced as a whole by one with more rows, never by one with fewer:
a database that was restored or rebuilt may know less than was published. Nothing here deletes a
published file, and those of a sealed day are written again only where they are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import duckdb

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.publish.day_indexer import DayIndexer
from qc_edge.publish.day_sealer import DaySealer
from qc_edge.publish.hour import PublishedHour, hour_before, listed_files
from qc_edge.publish.seal import Seal, is_as_sealed
from qc_edge.query.published_files import ANY_HOUR
from qc_edge.store.durable import Disk
from qc_edge.store.log.duck import quoted
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.startup_state import published_columns

FORMAT = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192"
"""Of the files. Row groups of 8,192 rows take 10 MB to write where sorted ones of 32,768 took 100
(docs/decisions/0011), and a query skips those whose smallest and largest values rule them out.
"""


class Publisher:
    """Brings the published files up to the database and seals days that are over.

    Used by one thread at a time. `on_hour` is called after each hour that was written. A file that
    was missing, damaged or ahead of the database is reported to `events`.
    """

    def __init__(
        self, ledger: Ledger, directory: Path, disk: Disk, station: str, events: EventLog
    ) -> None:
        """To be made before the first commit: it closes the sealed days to new rows."""
        self._ledger = ledger
        self._directory = directory
        self._temporary = directory / ".tmp"
        self._disk = disk
        self._events = events
        self._sealer = DaySealer(ledger, directory, disk, station, events)
        self._indexer = DayIndexer(ledger, directory, disk)
        self._rows: dict[PublishedHour, int] = {}
        self._done: dict[str, int] = {}
        ledger.close_days(self._sealer.closed)

    def compare(self, now: datetime, on_hour: Callable[[], None] = lambda: None) -> int:
        """Compare the files with the database and write those that are missing or short; how many.

        To be called once before `publish`, and now and then. Afterwards every table has a file, if
        only an empty one for an hour that is over: DuckDB takes the columns of a view from the
        first file and opens it again for its rows, so the first one should not be that of the
        current hour, which is replaced all the time (query/retry.py). Raises StoreError.
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
            published = {
                hour: self._rows_in(log, path)
                for hour, path in files.items()
                if not self._is_sealed(hour)
            }
        recorded = {PublishedHour(table, start): rows for start, rows, _ in counted}
        if not recorded and not files:
            recorded[PublishedHour(table, hour_before(now))] = 0
        gone = sorted(hour for hour in self._rows if hour.table == table and hour not in files)
        if gone:
            self._report(
                EventKind.PUBLISHED_MENDED,
                f"{listed_files(gone)} had been deleted: published again",
            )
        self._rows = {
            hour: rows for hour, rows in self._rows.items() if hour.table != table
        } | published
        written = 0
        for hour, rows in recorded.items():
            if hour not in files or (hour in published and published[hour] < rows):
                self._write(hour)
                written += 1
                on_hour()
        ahead = sorted(hour for hour, rows in published.items() if rows > recorded.get(hour, 0))
        if ahead and table not in self._done:
            self._report(
                EventKind.PUBLISHED_AHEAD,
                f"more rows than in the database, left as they are: {listed_files(ahead)}",
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

    def due(self, now: datetime, ahead_of: datetime | None = None) -> list[date]:
        """The days before that of `now` (UTC) that have published rows and no seal, oldest first.

        With `ahead_of`, also those more than a day later than that: the clock was in the future
        when they were recorded, and nothing more will be.
        """
        today = now.astimezone(timezone.utc).date()
        days = {hour.start.date() for hour in self._rows}
        last = ahead_of.astimezone(timezone.utc).date() + timedelta(days=1) if ahead_of else None
        return sorted(day for day in days if day < today or (last is not None and day > last))

    def seal(
        self, day: date, now: datetime, on_file: Callable[[], None] = lambda: None
    ) -> tuple[Seal, str]:
        """Seal the day: its manifest, and the manifest's sha256 (hex), which its event has.

        From the beginning of this call no row is recorded on that day. Raises StoreError; see
        `DaySealer.seal`.
        """
        # In this order: no row can come behind the files, and they are final before they are
        # hashed.
        self._ledger.close_days([day])
        self.publish(on_file)
        hours = sorted(hour for hour in self._rows if hour.start.date() == day)
        for hour in hours:
            self._write(hour, final=True)
            on_file()
        try:
            return self._sealer.seal(day, now, [self._directory / hour.file for hour in hours])
        finally:
            if day in self._sealer.closed:
                rows = self._rows.items()
                self._rows = {hour: count for hour, count in rows if hour.start.date() != day}

    def mend_seals(self, on_day: Callable[[], None] = lambda: None) -> None:
        """Hold seals against their events; see `DaySealer.mend`. To be called after `compare`."""
        self._sealer.mend(on_day)

    def tend_indexes(self, on_file: Callable[[], None] = lambda: None) -> date | None:
        """Make or look at one look-up index of a sealed day; see `DayIndexer.tend`."""
        return self._indexer.tend(on_file)

    def _write(self, hour: PublishedHour, *, final: bool = False) -> None:
        """Write the hour's file. A `final` one has the same bytes whenever it is written.

        DuckDB gives rows in the order in which they were added, the chain's; but where its row
        groups begin depends on when its write-ahead log was folded. Sorting makes that the same,
        and takes as much memory as the hour has rows: only done for final files.
        """
        temporary = self._temporary / hour.file.replace("/", "-")
        order = " ORDER BY chain_seq" if final or self._is_sealed(hour) else ""
        try:
            with self._ledger.snapshot() as log:
                columns = ", ".join(published_columns(log, hour.table))
                (rows,) = log.execute(
                    f"COPY (SELECT {columns} FROM {hour.table} WHERE recorded_at >= $since "  # noqa: S608
                    f"AND recorded_at < $until{order}) TO {quoted(temporary)} ({FORMAT})",
                    {"since": hour.start, "until": hour.start + timedelta(hours=1)},
                ).fetchone() or (0,)
        except StoreError:
            temporary.unlink(missing_ok=True)
            raise
        if rows < self._rows.get(hour, 0):  # never with fewer rows than are published
            temporary.unlink()
            return
        self._disk.move_into_place(temporary, self._directory / hour.file)
        if self._is_sealed(hour):
            self._report_restored(hour)
        else:
            self._rows[hour] = rows

    def _rows_in(self, log: duckdb.DuckDBPyConnection, path: Path) -> int:
        """The rows in a published file; -1 for one that does not read.

        Read by the ledger's own cursor, unlike all other readers (query/published_log.py): only the
        publisher replaces these files, and it is here.
        """
        try:
            metadata = log.execute(
                "SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]
            ).fetchone()
        except duckdb.Error as fault:
            words = f"{path.relative_to(self._directory)} did not read: published again"
            self._report(EventKind.PUBLISHED_MENDED, f"{words} ({str(fault).splitlines()[0]})")
            return -1
        return int(metadata[0]) if metadata else -1

    def _report_restored(self, hour: PublishedHour) -> None:
        """Report that a missing file of a sealed day was written again, and whether its bytes are
        those of the manifest: another version of DuckDB may write the same rows differently.
        """
        try:
            same = is_as_sealed(self._directory, hour.start.date(), hour.file)
        except StoreError:
            words = "; the seal of its day is missing or damaged"
        else:
            words = (
                " byte for byte as it was sealed"
                if same
                else " with the same rows, but other bytes than were sealed"
            )
        (self._directory / hour.file).chmod(0o440)
        self._report(
            EventKind.PUBLISHED_MENDED, f"{hour.file} had been deleted: published again{words}"
        )

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail))

    def _is_sealed(self, hour: PublishedHour) -> bool:
        return hour.start.date() in self._sealer.closed
