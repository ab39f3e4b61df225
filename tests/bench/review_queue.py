"""How long the review queue takes for the next part, with 100,000 that wait and a row and a label
published between any two looks: `python -m tests.bench.review_queue [--items N] [--looks N]`.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from qc_edge.review import ReviewQueue
from qc_edge.settings import StationPaths
from tests.bench import suspect
from tests.bench.machine import RESULTS, machine
from tests.bench.measures import scratch
from tests.station.harness import make_station

_LABEL = {
    "label_id": "'L' || {n}",
    "recorded_at": "TIMESTAMP '{now}'",
    "station": "'line1'",
    "frame_id": "'{frame}'",
    "part_id": "'{part}'",
    "label": "'good'",
    "defect_class": "NULL::VARCHAR",
    "who": "'ben'",
    "why": "NULL::VARCHAR",
    "role": "'reviewer'",
    "source": "'review'",
    "said_at": "TIMESTAMP '{now}'",
    "regions": "NULL::VARCHAR",
    "seen_sha256": "NULL::VARCHAR",
    "took_s": "1.0::DOUBLE",
    "blind": "false",
    "record_id": "'R' || {n}",
    "chain_seq": "({seq})::BIGINT",
    "chain_hash": "'x'",
}


def main() -> None:
    """Make the log, look, keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.review_queue", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=200)
    parser.add_argument("--keep-s", type=float, default=15.0, help="as the page has it; 0: none")
    parser.add_argument("--keep", metavar="NAME", default="")
    chosen = parser.parse_args()
    with scratch() as root:
        figures = _looks(root, chosen.items, chosen.looks, chosen.keep_s)
    print(json.dumps(figures, indent=1))
    if chosen.keep:
        result = {"machine": machine(), "figures": figures}
        (RESULTS / f"{chosen.keep}.json").write_text(json.dumps(result, indent=1) + "\n")


def _looks(root: Path, items: int, looks: int, keep_s: float) -> dict[str, Any]:
    paths = make_station(root, review={"audit_share": 1.0, "second_opinion_share": 0.1})
    end = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    suspect.END = end + timedelta(hours=1)  # the hour that runs is full of rows already
    suspect.make(paths, items)
    with ReviewQueue(paths, keep_s=keep_s) as queue:
        began = time.perf_counter()
        assert queue.next("anna") is not None
        first_s, took, seen = time.perf_counter() - began, [], list[str]()
        waiting = queue.open_count()
        log = duckdb.connect()
        for number in range(looks):
            item = queue.next("anna", besides=seen[-2:])
            assert item is not None
            _publish(log, paths, number, item.frame_id, item.part_id, end)
            seen.append(item.frame_id)
            began = time.perf_counter()
            queue.next("anna", besides=seen[-2:])
            queue.open_at_least(1000)
            took.append(1000 * (time.perf_counter() - began))
    return {
        "items": waiting,
        "first_look_s": round(first_s, 2),
        "looks": looks,
        "look_ms": {f"p{q}": round(float(np.percentile(took, q)), 1) for q in (50, 95, 99, 100)},
    }


def _publish(
    log: duckdb.DuckDBPyConnection,
    paths: StationPaths,
    number: int,
    frame: str,
    part: str,
    hour: datetime,
) -> None:
    """As a station does: the running hour's files of inspections and labels are replaced."""
    place = f"date={hour:%Y-%m-%d}/hour={hour:%H}.parquet"
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    rows, next_ = paths.published / "inspections" / place, paths.state / "next.parquet"
    seq = f"(SELECT max(chain_seq) + 1 FROM '{rows}')"
    added = f"SELECT * REPLACE ({seq} AS chain_seq, frame_id || 'n{number}' AS frame_id, "
    added += f"TIMESTAMP '{now}' AS recorded_at) FROM '{rows}' LIMIT 1"
    log.execute(
        f"COPY (SELECT * FROM '{rows}' UNION ALL ({added})) TO '{next_}' (COMPRESSION zstd)"
    )
    next_.rename(rows)
    labels = paths.published / "labels" / place
    labels.parent.mkdir(parents=True, exist_ok=True)
    values = {"n": number, "now": now, "frame": frame, "part": part}
    columns = ", ".join(
        f"{text.format(**values, seq=f'10000000 + {number}')} AS {name}"
        for name, text in _LABEL.items()
    )
    before = f"FROM read_parquet('{labels}', hive_partitioning = false) UNION ALL "
    both = f"{before if labels.exists() else ''} SELECT {columns}"
    log.execute(f"COPY ({both}) TO '{next_}' (FORMAT parquet, COMPRESSION zstd)")
    next_.rename(labels)


if __name__ == "__main__":
    main()
