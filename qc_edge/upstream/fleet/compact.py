"""The one job that commits: what stations have only put becomes tables, each day of each once.

Stations never commit: 60 of them that do spend most of their tries on each other (decision 0054).
A day is committed whole or not at all: its files are those that its seal names, as it names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import AuditError, UpstreamError
from qc_edge.upstream.fleet.delta_tables import DeltaTables, StationDay, missing
from qc_edge.upstream.fleet.sent_days import SentDay, SentDays
from qc_edge.upstream.fleet.sent_rows import sent_rows
from qc_edge.upstream.layout import RECEIPTS, receipted
from qc_edge.upstream.targets import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from qc_edge.upstream.fleet.delta_tables import OpenedTable

_BATCH_DAYS = 64
_BATCH_ROWS = 2_000_000
"""In one commit: the rows of its days are in memory together."""

_READERS = 8
_TRIES = 20


@dataclass(slots=True)
class CompactionReport:
    """What was committed: of each table how many rows, and of how many days of stations.

    `refused` are days that are not upstream as they were sent, with why; the others are committed.
    """

    rows: dict[str, int] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Compaction:
    """One run over all tables. `on_days` is called with how many days are in, and of how many."""

    def __init__(
        self, target: Target, tables: DeltaTables, on_days: Callable[[int, int], object]
    ) -> None:
        self._target = target
        self._tables = tables
        self._on_days = on_days
        self._sent = SentDays(target)
        self._report = CompactionReport()

    def run(self) -> CompactionReport:
        """Commit what is receipted and not in the tables yet. Raises UpstreamError."""
        whole = sorted(
            StationDay(day, station)
            for station, day in filter(None, map(receipted, self._target.names(RECEIPTS)))
        )
        for table in COLUMNS:
            self._commit(table, whole)
        return self._report

    def _commit(self, table: str, whole: Sequence[StationDay]) -> None:
        opened, tries = self._tables.open(table), 0
        due = missing(opened, whole)
        while due:
            taken, sent = self._first_batch(table, due)
            batch, rows = self._read(table, sent)
            if opened is None and rows is not None:
                self._tables.make(table, rows.schema)
                opened = self._tables.open(table)
            if opened is not None and batch:
                # Delta holds a commit against those since `opened` alone: of those before, here.
                is_due = len(missing(opened, batch)) == len(batch)
                if not is_due or not self._put(table, opened, batch, rows):
                    if (tries := tries + 1) > _TRIES:
                        raise UpstreamError(
                            f"{table}: {_TRIES} commits failed", hint="what else commits there?"
                        )
                    opened = self._tables.open(table)
                    due = missing(opened, due)
                    continue
                opened = self._tables.open(table)
            due = due[taken:]
            self._on_days(len(whole) - len(due), len(whole))
        if table in self._report.rows:
            self._tables.tidy(table)

    def _put(
        self, table: str, opened: OpenedTable, batch: Sequence[StationDay], rows: pa.Table | None
    ) -> bool:
        """Commit these days; False if another job was first with one."""
        if rows is None:
            self._tables.note(table, opened, batch)
            return True
        if not self._tables.append(table, opened, rows, batch):
            return False
        self._report.rows[table] = self._report.rows.get(table, 0) + rows.num_rows
        self._report.days[table] = self._report.days.get(table, 0) + len(batch)
        return True

    def _first_batch(
        self, table: str, due: Sequence[StationDay]
    ) -> tuple[int, dict[StationDay, SentDay]]:
        """The stations of the first day that is due, as many as go into one commit: how many of
        `due` these are, and what they have sent, without those that are refused.
        """
        first = [each for each in due[:_BATCH_DAYS] if each.day == due[0].day]
        with ThreadPoolExecutor(_READERS, "seals") as pool:
            read = list(pool.map(self._read_seal, first))
        batch: dict[StationDay, SentDay] = {}
        rows = 0
        for number, (day, sent) in enumerate(zip(first, read, strict=True)):
            if sent is None:
                continue
            rows += sum(file.rows for file in sent.files(table))
            if batch and rows > _BATCH_ROWS:
                return number, batch
            batch[day] = sent
        return len(first), batch

    def _read_seal(self, day: StationDay) -> SentDay | None:
        try:
            return self._sent.read(day)
        except AuditError as fault:
            self._refuse(day, fault)
            return None

    def _read(
        self, table: str, batch: dict[StationDay, SentDay]
    ) -> tuple[list[StationDay], pa.Table | None]:
        """The days of which every file reads, and their rows; None if they have none."""
        import pyarrow as pa

        sound: list[StationDay] = []
        rows = None
        with ThreadPoolExecutor(_READERS, "read") as pool:
            reading = {
                day: [
                    pool.submit(sent_rows, self._sent, sent, file)
                    for file in sent.files(table)
                    if file.rows
                ]
                for day, sent in batch.items()
            }
            try:
                for day, files in reading.items():
                    try:
                        joined = _joined([rows, *(file.result() for file in files)])
                    except (AuditError, pa.ArrowException) as fault:
                        self._refuse(day, fault)
                        continue
                    rows = joined
                    sound.append(day)
            finally:
                for files in reading.values():
                    for file in files:
                        file.cancel()
        return sound, rows

    def _refuse(self, day: StationDay, fault: Exception) -> None:
        why = fault.message if isinstance(fault, AuditError) else str(fault).partition("\n")[0]
        self._report.refused.setdefault(day.transaction, why)


def _joined(tables: Iterable[pa.Table | None]) -> pa.Table | None:
    import pyarrow as pa

    # By name: files of an older version of the software lack later columns.
    given = [table for table in tables if table is not None]
    return pa.concat_tables(given, promote_options="permissive") if given else None
