"""A plant whose stations all send within a minute, and what its questions take afterwards.

`python -m tests.bench.fleet [STATIONS] [DAYS] [OUT.json]`. The night: each station sends one sealed
day of 24 hours, evidence by reference, to one real S3 server (seaweedfs) on this machine, at a
moment drawn from a minute; all in this process. The questions: those of docs/fleet.md, asked by
DuckDB over STATIONS x DAYS station-days of made rows, as one file each and as one for line and day.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.settings import StationPaths
from qc_edge.upstream.sync import Sync
from qc_edge.upstream.targets import Access, connect
from qc_edge.upstream.targets.stores import StoreTarget
from tests.publish.rows import event, inspection, log
from tests.upstream.s3_server import S3Server, s3_server
from tests.upstream.sealed import NAME, SendingStation, copied, nothing

ROWS_A_DAY, ROWS_AN_HOUR, LINES, MINUTE_S = 2_000, 200, 20, 60.0
QUESTIONS = Path(__file__).parents[2] / "docs/fleet.md"
_DAY = datetime(2026, 11, 22, tzinfo=timezone.utc)


class CountedTarget(StoreTarget):
    """Counts what is asked; `again` are puts of what was there: an answer was lost on the way."""

    def __init__(self, target: StoreTarget, counts: Counter[str]) -> None:
        super().__init__(target.url, target._store, None)
        self._counts = counts

    def put_if_absent(self, name: str, data: bytes) -> bool:
        self._counts["put"] += 1
        self._counts["bytes"] += len(data)
        was_put = super().put_if_absent(name, data)
        self._counts["again"] += not was_put
        return was_put

    def get(self, name: str) -> bytes | None:
        self._counts["get"] += 1
        return super().get(name)

    def size(self, name: str) -> int | None:
        self._counts["head"] += 1
        return super().size(name)


def template(root: Path) -> SendingStation:
    """A station with one sealed day of 24 hours."""
    made = SendingStation(StationPaths(root, NAME), root / "upstream")
    made.upstream.mkdir(parents=True)
    made.configure()
    told = _DAY + timedelta(days=1, minutes=6)
    with log(made.paths.state, told=told) as kept:
        for hour in range(24):
            at = _DAY + timedelta(hours=hour, minutes=1)
            kept.add(event(at), *(inspection(at) for _ in range(ROWS_AN_HOUR)))
        kept.publisher.publish()
        for day in kept.publisher.due(told):
            kept.publisher.seal(day, told)
        kept.publisher.publish()
    return made


def night(root: Path, server: S3Server, stations: int) -> dict[str, Any]:
    """All stations send; each has a folder of its own in the bucket, as their rows are the same."""
    made = template(root / "template")
    plant = [copied(made, root / f"plant/{number}") for number in range(stations)]
    counts, faults = Counter[str](), list[str]()
    took: list[float] = []
    begun = time.monotonic()

    def send(number: int) -> None:
        threading.Event().wait(random.uniform(0, MINUTE_S))
        target = connect(
            f"{server.url}/{number}", Access(server.credentials, server.endpoint, "us-east-1")
        )
        assert isinstance(target, StoreTarget)
        station, started = plant[number], time.monotonic()
        try:
            Sync(station.paths, station.settings, CountedTarget(target, counts), nothing).run()
        except Exception as fault:  # noqa: BLE001 - counted
            faults.append(str(fault))
        took.append(time.monotonic() - started)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(stations)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    requests = counts["put"] + counts["get"] + counts["head"]
    return {
        "stations": stations,
        "all_in_s": time.monotonic() - begun,
        "station_p50_s": sorted(took)[len(took) // 2],
        "station_max_s": max(took),
        "requests_a_station_day": requests / stations,
        "puts_again": counts["again"],
        "bytes_a_station_day": counts["bytes"] / stations,
        "failed": len(faults),
        "first_fault": faults[0] if faults else "",
    }


def make_rows(root: Path, stations: int, days: int) -> None:
    """Rows as stations send them, made by SQL: one file for each station and day, and one for each
    line and day.
    """
    with duckdb.connect() as made:
        made.execute(
            "SET threads = 2; SET memory_limit = '2GB'; SET preserve_insertion_order = false"
        )
        for day in range(days):
            rows = f"""
                SELECT 'hall-' || (s % {LINES}) AS line, 'line' || s AS station,
                       DATE '2026-11-01' + {day} AS date, 'p' || (i * 7919 + s + {day}) AS part_id,
                       'L' || (i // 500) AS lot, 'top' AS camera,
                       DATE '2026-11-01' + {day} + INTERVAL (i * 40) SECOND AS captured_at,
                       captured_at AS recorded_at,
                       'corner' AS model_name, (1 + (s + {day}) % 3)::VARCHAR AS model_version,
                       CASE s % 4 WHEN 0 THEN 'c' ELSE 'd' || (s % 4) END AS calibration_id,
                       CASE WHEN hash(i, s, {day}) % 100 < 3 THEN 'FAIL'
                            WHEN hash(i, s) % 100 < 1 THEN 'INVALID' ELSE 'PASS' END AS verdict,
                       CASE WHEN hash(i, s) % 100 < 1 THEN 'low_focus' ELSE 'score' END AS reason,
                       'ACCEPT' AS disposition, 100 + hash(i, s, 1) % 900 / 10 AS focus,
                       sha256('' || i || s || {day}) AS raw_sha256, i AS chain_seq
                FROM range({stations}) AS stations(s), range({ROWS_A_DAY}) AS rows(i)"""
            for name, by in (("stations", "line, station, date"), ("lines", "date, line")):
                made.execute(
                    f"COPY ({rows}) TO '{root / name}' (FORMAT parquet, COMPRESSION zstd, "
                    f"PARTITION_BY ({by}), WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE, "
                    f"FILENAME_PATTERN 'd{day}_{{i}}')"
                )


def questions(root: Path) -> dict[str, dict[str, float]]:
    """Seconds that each question of docs/fleet.md takes, the second time it is asked."""
    asked = re.findall(r"### ([^\n]+)\n```sql\n(.+?)```", QUESTIONS.read_text(), re.DOTALL)
    taken: dict[str, dict[str, float]] = {}
    for name in ("stations", "lines"):
        with duckdb.connect() as plant:
            plant.execute(
                "CREATE VIEW inspections AS SELECT * FROM "
                f"read_parquet('{root / name}/**/*.parquet', hive_partitioning = true)"
            )
            for title, sql in asked[:4]:
                for _ in range(2):
                    begun = time.perf_counter()
                    plant.execute(sql).fetchmany(100)
                    taken.setdefault(title, {})[name] = round(time.perf_counter() - begun, 3)
    return taken


def main(stations: int, days: int, out: str) -> None:
    """Send, ask, and write down."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as kept:
        root = Path(kept)
        with s3_server(root / "s3") as server:
            figures: dict[str, Any] = {"night": night(root, server, stations)}
        print(json.dumps(figures, indent=1), flush=True)
        begun = time.perf_counter()
        make_rows(root, stations, days)
        figures["rows"] = stations * days * ROWS_A_DAY
        figures["made_s"] = time.perf_counter() - begun
        figures["questions_s"] = questions(root)
    text = json.dumps(figures, indent=1)
    print(text)
    if out:
        Path(out).write_text(text + "\n")


if __name__ == "__main__":
    given = [*sys.argv[1:], *("200", "30", "")[len(sys.argv) - 1 :]]
    main(int(given[0]), int(given[1]), given[2])
