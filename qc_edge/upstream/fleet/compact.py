"""The one job that commits: what stations have only put becomes tables, each day of each once.

Stations never commit: 60 of them that do spend most of their tries on each other (decision 0054).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import UpstreamError
from qc_edge.upstream.fleet.delta_tables import DeltaTables, StationDay, missing
from qc_edge.upstream.layout import RECEIPTS, TABLES, receipted, table_file_parts
from qc_edge.upstream.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_DAYS = 64
"""Days of stations in one commit: they are in memory together, some 100 MB of busy stations."""

_READERS = 8
_TRIES = 20


@dataclass(slots=True)
class CompactionReport:
    """What was committed: of each table how many rows, and of how many days of stations."""

    rows: dict[str, int] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)


class Compaction:
    """One run over all tables. `on_days` is called with how many days are in, and of how many."""

    def __init__(
        self, target: Target, tables: DeltaTables, on_days: Callable[[int, int], object]
    ) -> None:
        self._target = target
        self._tables = tables
        self._on_days = on_days
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
        opened, tries, files = self._tables.open(table), 0, None
        while due := missing(opened, whole):
            files = files or self._files(table)
            batch = _first_batch(due)
            rows = self._read([name for day in batch for name in files.get(day, ())])
            if opened is None and rows is None:
                whole = due[len(batch) :]  # no rows, and no table yet that could say so
                continue
            if opened is None:
                assert rows is not None  # noqa: S101 - see above
                self._tables.make(table, rows.schema)
            elif rows is None:
                self._tables.note(table, opened, batch)
            elif self._tables.append(table, opened, rows, batch):
                self._report.rows[table] = self._report.rows.get(table, 0) + rows.num_rows
                self._report.days[table] = self._report.days.get(table, 0) + len(batch)
            elif (tries := tries + 1) > _TRIES:
                raise UpstreamError(
                    f"{table}: {_TRIES} commits failed", hint="what else commits there?"
                )
            opened = self._tables.open(table)
            self._on_days(len(whole) - len(due) + len(batch), len(whole))
        if table in self._report.rows:
            self._tables.tidy(table)

    def _files(self, table: str) -> dict[StationDay, list[str]]:
        files: dict[StationDay, list[str]] = {}
        for name in sorted(self._target.names(f"{TABLES}/{table}")):
            if parts := table_file_parts(name):
                _, station, day = parts
                files.setdefault(StationDay(day, station), []).append(name)
        return files

    def _read(self, names: Sequence[str]) -> pa.Table | None:
        """The rows of these files with their line and date; None if there are none."""
        import pyarrow as pa

        with ThreadPoolExecutor(_READERS, "read") as pool:
            read = [table for table in pool.map(self._read_file, names) if table.num_rows]
        # By name: files of an older version of the software lack later columns.
        return pa.concat_tables(read, promote_options="permissive") if read else None

    def _read_file(self, name: str) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts, data = table_file_parts(name), self._target.get(name)
        if parts is None or data is None:
            raise UpstreamError(f"{self._target.url}/{name} has gone", hint="who removes there?")
        line, station, day = parts
        table = pq.read_table(pa.BufferReader(data))
        # Times upstream are UTC and say so: not every engine knows Delta's times without a zone.
        for place, column in enumerate(table.schema):
            if pa.types.is_timestamp(column.type):
                utc = pa.timestamp("us", tz="UTC")
                table = table.set_column(place, column.name, table.column(place).cast(utc))
        # None is "required": a column that comes later has no values in earlier rows.
        table = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
        rows = table.num_rows
        # As whoever reads the files has them, by the folders.
        if "station" in table.column_names:
            table = table.drop_columns(["station"])
        table = table.append_column("station", pa.array([station] * rows, pa.string()))
        table = table.append_column("date", pa.array([day] * rows, pa.date32()))
        return table.append_column("line", pa.array([line] * rows, pa.string()))


def _first_batch(due: Sequence[StationDay]) -> list[StationDay]:
    """The stations of the first day that is due, at most _BATCH_DAYS."""
    return [each for each in due if each.day == due[0].day][:_BATCH_DAYS]
