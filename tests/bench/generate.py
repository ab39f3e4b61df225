"""Fill a station with as many inspections as wanted: `python -m tests.bench.generate DIR --rows N`.

The rows are made by SQL and linked into one true chain; they stand in the database and in the
published files. There is no journal behind them and no picture at their evidence paths, and each
says `simulated`.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.publish.publisher import Publisher
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log import chain
from qc_edge.store.log.chain import CHAIN
from qc_edge.store.log.database import connect
from qc_edge.store.log.ledger import Ledger
from tests.bench import invented
from tests.event_log import MemoryEventLog

PER_HOUR = 36_000
START = datetime(2025, 1, 6)  # noqa: DTZ001 - UTC, as the database has it; a Monday
_INVENTED = {"inspections", "gaps", "labels", "shadow_scores", "events"}
_COMMIT_EVERY = 8
"""Hours. So many rows go straight into the database file; few go through its write-ahead log first.
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of production: rows `first` to `last` (exclusive). `epoch` numbers thresholds and
    models.
    """

    at: datetime
    first: int
    last: int
    epoch: int


def hours(rows: int, per_hour: int) -> Iterator[Hour]:
    """The hours that `rows` inspections take: 16 a day, Monday to Saturday."""
    count = -(-rows // per_hour)
    day = START
    for index in range(count):
        if index and index % invented.HOURS_A_DAY == 0:
            day += timedelta(days=2 if day.weekday() == 5 else 1)
        at = day + timedelta(hours=invented.FIRST_HOUR + index % invented.HOURS_A_DAY)
        first = index * per_hour
        yield Hour(at, first, min(rows, first + per_hour), 3 * index // count)


def publish(paths: StationPaths) -> int:
    """Publish what a station at rest has in its database, as it does itself; how many files."""
    for directory in (paths.journal, paths.published):
        directory.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    try:
        publisher = Publisher(ledger, paths.published, Disk(), paths.name, MemoryEventLog())
        return publisher.compare(utc_now())
    finally:
        ledger.close()


def fill(
    paths: StationPaths,
    rows: int,
    per_hour: int = PER_HOUR,
    say: Callable[[int], object] = lambda _: None,
) -> None:
    """Add `rows` inspections, with gaps, labels and events, to a station that has no log yet.

    `say` is told how many inspections there are, after each hour. `per_hour` is how many an hour
    holds.
    """
    paths.database.parent.mkdir(parents=True, exist_ok=True)
    log = connect(paths.database)
    try:
        if log.execute("SELECT count(*) FROM inspections").fetchone() != (0,):
            raise SystemExit(f"{paths.database} has rows already: a generated station starts empty")
        _Writer(log, paths.name, per_hour).write(hours(rows, per_hour), say)
    finally:
        log.close()


class _Writer:
    """Writes hour after hour, and knows the end of the chain."""

    def __init__(self, log: duckdb.DuckDBPyConnection, station: str, per_hour: int) -> None:
        self._log, self._station, self._per_hour = log, station, per_hour
        self._seq, self._hash = 0, chain.GENESIS
        self._epoch = -1
        log.execute("SET threads = 2")
        log.execute("SET memory_limit = '2GB'")
        for macro in invented.MACROS:
            log.execute(macro)
        self._types: dict[str, dict[str, str]] = {table: {} for table in COLUMNS}
        for table, name, kind in log.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name "
            "= 'log'"
        ).fetchall():
            if table in self._types:
                self._types[table][name] = kind

    def write(self, wanted: Iterator[Hour], say: Callable[[int], object]) -> None:
        self._log.execute("BEGIN")
        for number, hour in enumerate(wanted, 1):
            self._invent(hour)
            self._link()
            if number % _COMMIT_EVERY == 0:
                self._log.execute("COMMIT")
                self._log.execute("BEGIN")
            say(hour.last)
        self._log.execute("COMMIT")
        self._log.execute("CHECKPOINT log")

    def _invent(self, hour: Hour) -> None:
        """One temporary table for each table of the log, its rows numbered by `i`."""
        known = {
            "first": hour.first,
            "last": hour.last,
            "hour": hour.at,
            "epoch": hour.epoch,
            "per_hour": self._per_hour,
        }
        self._log.execute(f"CREATE OR REPLACE TEMP TABLE draws AS {invented.DRAWS}", known)
        self._table("inspections", invented.INSPECTION, "draws", {})
        self._table("gaps", invented.GAP, invented.GAP_FROM, {})
        self._table("labels", invented.LABEL, invented.LABEL_FROM, {"hour": hour.at})
        self._table("shadow_scores", invented.SHADOW, invented.SHADOW_FROM, {})
        self._table("events", invented.EVENT, invented.EVENT_FROM, self._events(hour))
        # A station of one view, without outputs, holds and challenges writes no more.
        for table in self._types.keys() - _INVENTED:
            self._table(table, {}, "draws WHERE false", {})

    def _table(
        self, table: str, columns: Mapping[str, str], source: str, values: Mapping[str, object]
    ) -> None:
        given = {**columns, "station": f"'{self._station}'"}
        types = self._types[table]
        chosen = ", ".join(
            f"CAST({given.get(name, 'NULL')} AS {types[name]}) AS {name}" for name in COLUMNS[table]
        )
        self._log.execute(
            f"CREATE OR REPLACE TEMP TABLE rows_{table} AS SELECT i, {chosen} FROM {source}",
            dict(values),
        )

    def _events(self, hour: Hour) -> dict[str, object]:
        """What happened at the beginning of this hour: a start of the day, a change of threshold or
        model.
        """
        happened: list[tuple[str, str, str, str | None, str | None, str | None]] = []
        if hour.at.hour == invented.FIRST_HOUR:
            happened.append(
                ("started", "station", "inspect; reference on onnx 1.23.2", None, None, None)
            )
        if hour.epoch != self._epoch and self._epoch >= 0:
            happened.append(invented.CHANGES[hour.epoch])
        self._epoch = hour.epoch
        names = ("kind", "who", "detail", "before", "after", "why")
        return {
            "hour": hour.at,
            **{name: [each[k] for each in happened] for k, name in enumerate(names)},
        }

    def _link(self) -> None:
        """Number the rows of the temporary tables in order of time, hash them, add them to the
        log.
        """
        texts = " UNION ALL ".join(
            f"SELECT '{table}' AS log_table, i, recorded_at, {self._canonical(table)} AS text "
            f"FROM rows_{table}"
            for table in COLUMNS
        )
        self._log.execute(
            f"CREATE OR REPLACE TEMP TABLE chained AS SELECT log_table, i, text, "
            f"{self._seq} + row_number() OVER (ORDER BY recorded_at, log_table, i) AS seq FROM "
            f"({texts})"
        )
        found: Any = self._log.execute("SELECT text FROM chained ORDER BY seq").fetchnumpy()["text"]
        hashes, previous, sha256 = [], self._hash, hashlib.sha256
        for seq, text in enumerate(found, self._seq + 1):
            previous = sha256(f"{previous}\n{seq}\n{text}".encode()).hexdigest()
            hashes.append(previous)
        self._log.execute(
            "CREATE OR REPLACE TEMP TABLE hashes AS "
            "SELECT unnest(range($first, $first + len($all))) AS seq, unnest($all::VARCHAR[]) AS "
            "sha256",
            {"first": self._seq + 1, "all": hashes},
        )
        for table, names in COLUMNS.items():
            self._log.execute(
                f"INSERT INTO {table} ({', '.join([*names, *CHAIN])}) SELECT {', '.join(names)}, "
                "seq, sha256 "
                f"FROM rows_{table} JOIN (SELECT i, seq FROM chained WHERE log_table = '{table}') "
                "USING (i) "
                "JOIN hashes USING (seq) ORDER BY seq"
            )
        self._seq, self._hash = self._seq + len(hashes), previous

    def _canonical(self, table: str) -> str:
        """`chain.canonical` in SQL, for values without a quote or a backslash."""
        parts = [f"""'{{"table":"{table}"'"""]
        for name in COLUMNS[table]:
            kind = self._types[table][name]
            told = f"CAST({name} AS VARCHAR)"
            if kind == "VARCHAR":
                told = f"""'"' || {name} || '"'"""
            elif kind == "TIMESTAMP":
                told = f"""strftime({name}, '"%Y-%m-%dT%H:%M:%S.%f+00:00"')"""
            parts.append(f"""coalesce(',"{name}":' || {told}, '')""")
        return f"concat({', '.join(parts)}, '}}')"


def main() -> None:
    """Fill the station that is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.generate", description=__doc__)
    parser.add_argument(
        "root", type=Path, metavar="DIR", help="the station's prefix, as --root elsewhere"
    )
    parser.add_argument("--rows", type=int, required=True, metavar="N")
    parser.add_argument("--per-hour", type=int, default=PER_HOUR, metavar="N")
    parser.add_argument("--name", default="line1")
    given = parser.parse_args()
    begun = time.perf_counter()

    def say(rows: int) -> None:
        print(
            f"\r{rows:,} rows, {rows / (time.perf_counter() - begun):,.0f} a second",
            end="",
            flush=True,
        )

    paths = StationPaths(given.root.absolute(), given.name)
    fill(paths, given.rows, given.per_hour, say)
    print()
    begun = time.perf_counter()
    print(f"{publish(paths)} files published in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
