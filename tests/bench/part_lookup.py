"""What it takes to look up a part in a long log: `python -m tests.bench.part_lookup ROOT`.

ROOT is a station made by `python -m tests.bench.generate`; its past days are sealed and their
indexes made by this program, once. Prints milliseconds, with the indexes and without.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from qc_edge.publish.publisher import Publisher
from qc_edge.query.inspection_search import inspections_of
from qc_edge.query.lookup.day_index import DIRECTORY
from qc_edge.query.lookup.indexed_log import IndexedLog
from qc_edge.query.part_lookup import find_part
from qc_edge.query.published_log import PublishedLog
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.bench.log import NAME
from tests.event_log import MemoryEventLog


def main() -> None:
    """Seal, make the indexes, and ask."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("root", type=Path)
    arguments.add_argument("--count", type=int, default=25)
    given = arguments.parse_args()
    paths = StationPaths(given.root, NAME)
    figures: dict[str, object] = {**_made(paths)}
    rows = _inspections(paths)
    parts = [f"left-{1 + n * (rows // 2 - 1) // given.count}" for n in range(given.count)]
    figures |= {"inspections": rows, "with_index": _asked(paths, parts)}
    lookup = paths.published / DIRECTORY
    aside = lookup.rename(lookup.with_name(".lookup"))
    try:
        figures["without_index"] = _asked(paths, parts[:5])
    finally:
        aside.rename(lookup)
    print(json.dumps(figures, indent=1))


def _made(paths: StationPaths) -> dict[str, float]:
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    try:
        publisher = Publisher(ledger, paths.published, Disk(), NAME, MemoryEventLog())
        publisher.compare(utc_now())
        for day in publisher.due(utc_now()):
            publisher.seal(day, utc_now())
        days, begun = 0, time.perf_counter()
        while publisher.tend_indexes():
            days += 1
        return {"indexes_made": days, "made_s": time.perf_counter() - begun}
    finally:
        ledger.close()


def _inspections(paths: StationPaths) -> int:
    with PublishedLog(paths.published) as log:
        relation = log.cursor().relation("inspections")
        ((count,),) = log.cursor().fetch(f"SELECT count(*) FROM {relation}")
        return int(count)


def _asked(paths: StationPaths, parts: list[str]) -> dict[str, dict[str, float]]:
    with PublishedLog(paths.published) as log:
        return {
            "rows_of_a_part_ms": _each(
                parts,
                lambda part: inspections_of(IndexedLog(paths.published, log.cursor()), part, 5),
            ),
            "all_of_a_part_published_ms": _each(
                parts, lambda part: find_part(paths, part, published_only=True)
            ),
            "all_of_a_part_database_ms": _each(parts, lambda part: find_part(paths, part)),
        }


def _each(parts: list[str], ask: Callable[[str], object]) -> dict[str, float]:
    taken, worked = [], []
    for part in parts:
        begun, worked_before = time.perf_counter(), time.process_time()
        ask(part)
        taken.append((time.perf_counter() - begun) * 1e3)
        worked.append((time.process_time() - worked_before) * 1e3)
    p50, p90 = np.percentile(taken[1:], [50, 90])
    # What others do on the machine is not in the processor's time.
    cpu = float(np.median(worked[1:]))
    return {"first": taken[0], "p50": float(p50), "p90": float(p90), "processor_p50": cpu}


if __name__ == "__main__":
    main()
