"""Who commits to a plant's Delta tables: every station by itself, into one table or one for each
line, or one job for all. `python -m tests.bench.upstream_commits [STATIONS] [DAYS] [OUT.json]`

Each station-day is 2,000 rows as a Parquet file; every station commits from a thread of its own, at
once, with the retries that deltalake has, and tries again until its day is in. The job reads the
same days from files. On the local disk, and on a real S3 server (seaweedfs).
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from qc_edge.domain.inspection import COLUMNS
from qc_edge.publish.seal import SealedFile, make_seal, manifest_sha256
from qc_edge.records.receipts import Receipt
from qc_edge.service.clock import utc_now
from qc_edge.upstream.fleet.compact import Compaction
from qc_edge.upstream.fleet.delta_tables import DeltaTables, StationDay
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.targets import Access, Target, connect
from tests.upstream.s3_server import s3_server

ROWS, LINE_OF = 2_000, 10
FIRST = date(2026, 11, 1)


def rows_of(station: str, day: date) -> pa.Table:
    columns = {
        "frame_id": [f"{day:%Y%m%d}T{number:012}Z-{station}" for number in range(ROWS)],
        "score": [number / ROWS for number in range(ROWS)],
        "verdict": ["PASS"] * ROWS,
        "station": [station] * ROWS,
    }
    return pa.table(columns)


class Tally:
    """Attempts and failures of all threads."""

    def __init__(self) -> None:
        self.attempts = self.failed = 0
        self._lock = threading.Lock()

    def count(self, failed: bool) -> None:
        with self._lock:
            self.attempts += 1
            self.failed += failed


def commit(place: str, options: dict[str, str], rows: pa.Table, station: str, day: date) -> None:
    one = CommitProperties(app_transactions=[Transaction(StationDay(day, station).transaction, 1)])
    write_deltalake(
        place,
        rows.append_column("date", pa.array([day] * ROWS, pa.date32())),
        mode="append",
        partition_by=["date"],
        storage_options=options,
        commit_properties=one,
    )


def holds(place: str, options: dict[str, str], day: StationDay) -> bool:
    try:
        return DeltaTable(place, storage_options=options).transaction_version(day.transaction) == 1
    except TableNotFoundError:
        return False


def each_commits(
    place_of: Callable[[int], str], options: dict[str, str], stations: int, days: int
) -> dict[str, object]:
    """Every station from its own thread, all at once, a day after the other."""
    tally, late = Tally(), threading.Event()

    def station(number: int) -> None:
        name, place = f"line{number}", place_of(number)
        for day in (FIRST + timedelta(n) for n in range(days)):
            rows = rows_of(name, day)
            while not late.is_set() and not holds(place, options, StationDay(day, name)):
                try:
                    commit(place, options, rows, name, day)
                    tally.count(failed=False)
                    break
                except (DeltaError, OSError):
                    tally.count(failed=True)

    began = time.monotonic()
    threads = [threading.Thread(target=station, args=(n,)) for n in range(stations)]
    timer = threading.Timer(300, late.set)
    timer.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timer.cancel()
    seconds = time.monotonic() - began
    places = {place_of(number) for number in range(stations)}
    found = sum(DeltaTable(p, storage_options=options).to_pyarrow_table().num_rows for p in places)
    return {
        "seconds": round(seconds, 1),
        "commits_tried": tally.attempts,
        "commits_failed": tally.failed,
        "missing_station_days": stations * days - found // ROWS,
    }


def one_job(target: Target, tables: DeltaTables, stations: int, days: int) -> dict[str, object]:
    """Every station only puts its file and its receipt; then one job commits all days."""

    def station(number: int) -> None:
        names = StationNames(f"line{number}", f"hall-{number // LINE_OF}")
        for day in (FIRST + timedelta(n) for n in range(days)):
            content = io.BytesIO()
            pq.write_table(rows_of(names.station, day), content)
            path, data = f"inspections/date={day}/hour=12.parquet", content.getvalue()
            target.put_if_absent(names.table_file(path), data)
            digest = hashlib.sha256(data).hexdigest()
            file = SealedFile(path, ROWS, 1, ROWS, len(data), digest)
            seal = make_seal(day, names.station, utc_now(), [(file, "0" * 64)])
            target.put_if_absent(names.seal(day), seal.to_json())
            receipt = Receipt(
                names.station,
                names.line,
                day,
                target.url,
                manifest_sha256(seal),
                ROWS,
                1,
                1,
                {},
                0,
                utc_now(),
                "",
            )
            target.put_if_absent(names.receipt(day), receipt.to_json())

    began = time.monotonic()
    threads = [threading.Thread(target=station, args=(n,)) for n in range(stations)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    put = time.monotonic()
    report = Compaction(target, tables, lambda done, of: None).run()
    seconds = time.monotonic() - put
    opened = tables.open("inspections")
    assert opened is not None
    return {
        "seconds": round(seconds + put - began, 1),
        "seconds_of_stations": round(put - began, 1),
        "commits_tried": opened.version() + 1,
        "commits_failed": 0,
        "missing_station_days": stations * days - report.rows["inspections"] // ROWS,
        "tables": len(COLUMNS),
    }


def measure(url: str, options: dict[str, str], endpoint: str, stations: int, days: int) -> object:
    target = connect(url, Access(options, endpoint, "us-east-1"))
    tables = DeltaTables.at(url, options, endpoint, "us-east-1")
    base = tables.url
    return {
        "one_table": each_commits(lambda _: f"{base}/one", tables.options, stations, days),
        "table_per_line": each_commits(
            lambda number: f"{base}/line-{number // LINE_OF}", tables.options, stations, days
        ),
        "one_job": one_job(target, tables, stations, days),
    }


@contextmanager
def local_disk() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        yield f"file://{directory}"


def main() -> None:
    stations, days = (int(text) for text in (sys.argv[1:3] or ("60", "2")))
    results: dict[str, object] = {"stations": stations, "days": days, "rows_a_day": ROWS}
    with local_disk() as url:
        results["file"] = measure(url, {}, "", stations, days)
        print(json.dumps(results["file"], indent=1), flush=True)
    with tempfile.TemporaryDirectory() as directory, s3_server(Path(directory)) as server:
        results["s3"] = measure(server.url, server.credentials, server.endpoint, stations, days)
        print(json.dumps(results["s3"], indent=1), flush=True)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
