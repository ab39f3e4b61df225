"""How long from the alarm to the list of suspect parts, over a log of many rows.

python -m tests.bench.suspect ROWS [WINDOW_HOURS ...]: makes a published log of ROWS inspections by
SQL, then asks for windows of so many hours at its end, each in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

from qc_edge.discipline.suspect import quarantine as suspects
from qc_edge.discipline.suspect.quarantine import SuspectAsk, quarantine
from qc_edge.recipe.attribution import Attribution
from qc_edge.settings import StationPaths
from qc_edge.store.log.database import connect
from qc_edge.store.log.schema import migrate

PER_HOUR = 36_000
END = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def make(paths: StationPaths, rows: int) -> None:
    """A published log of `rows` inspections, 36,000 an hour, the last ending at END."""
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    database = paths.state / "made.duckdb"
    log = connect(database)
    migrate(log)
    columns = log.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE table_name = 'inspections' AND database_name = 'log' ORDER BY column_index"
    ).fetchall()
    hours = -(-rows // PER_HOUR)
    for hour in range(hours):
        begins = END - timedelta(hours=hours - hour)
        given = {
            "recorded_at": "moment + to_milliseconds(40)",
            "captured_at": "moment",
            "frame_id": "strftime(moment, '%Y%m%dT%H%M%S%f') || 'Z-top'",
            "part_id": f"({hour} * {PER_HOUR} + i)::VARCHAR",
            "lot": f"'L' || ({hour} // 4)::VARCHAR",
            "camera": "'top'",
            "score": "(hash(i) % 10000) / 20000.0",
            "threshold": "0.5",
            "verdict": "'PASS'",
            "disposition": "'ACCEPT'",
            "reason": "'score_below_threshold'",
            "raw_path": "'evidence/' || strftime(moment, '%Y%m%dT%H%M%S%f') || 'Z-top.pgm'",
            "raw_sha256": "sha256(i::VARCHAR)",
            "chain_hash": "sha256((i + 1)::VARCHAR)",
            "chain_seq": f"{hour} * {PER_HOUR} + i",
        }
        selected = ", ".join(
            f"({given.get(name) or _plain(kind, null)})::{kind} AS {name}"
            for name, kind, null in columns
        )
        target = paths.published / f"inspections/date={begins:%Y-%m-%d}/hour={begins:%H}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        log.execute(
            f"COPY (SELECT {selected} FROM (SELECT i, TIMESTAMP '{begins:%Y-%m-%d %H:%M:%S}' "
            f"+ to_milliseconds(i * 100) AS moment FROM range({PER_HOUR}) AS t(i))) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
    log.close()


def ask(root: Path, hours: float, answer: multiprocessing.Queue[dict[str, object]]) -> None:
    """One window, timed."""
    paths = StationPaths(root, "line1")
    suspects.utc_now = lambda: END  # type: ignore[attr-defined]
    begun, began_at = time.perf_counter(), time.time()
    by = Attribution("anna", "bench")
    since = END - timedelta(hours=hours)
    counted: list[float] = []

    def tell(_window: object, _figures: object) -> None:
        counted.append(time.perf_counter() - begun)

    directory = root / f"out-{hours:g}"
    found = quarantine(paths, SuspectAsk(by, None, since, END), directory, tell)
    answer.put(
        {
            "window_h": hours,
            "parts": found.figures.parts,
            "counted_and_held_s": round(counted[0], 2),
            "sheet_s": round(found.html.stat().st_mtime - began_at, 2),
            "all_s": round(time.perf_counter() - begun, 2),
            "csv_mb": round(found.csv.stat().st_size / 1e6, 1),
            "pdf": found.pdf is not None,
            "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )


def _plain(kind: str, nullable: bool) -> str:
    if nullable:
        return "NULL"
    return {"VARCHAR": "'x'", "BOOLEAN": "true"}.get(kind, "0")


def main() -> None:
    """Make the log and ask."""
    rows, windows = int(sys.argv[1]), list(map(float, sys.argv[2:] or ["1", "8", "24"]))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        root = Path(directory)
        begun = time.perf_counter()
        make(StationPaths(root, "line1"), rows)
        results: list[dict[str, object]] = []
        for hours in windows:
            answer: multiprocessing.Queue[dict[str, object]] = multiprocessing.Queue()
            process = multiprocessing.Process(target=ask, args=(root, hours, answer))
            process.start()
            results.append(answer.get(timeout=600))
            process.join()
        made = {"rows": rows, "made_s": round(time.perf_counter() - begun, 1)}
        sys.stdout.write(
            json.dumps({**made, "duckdb": duckdb.__version__, "windows": results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
