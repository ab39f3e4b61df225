"""A station at work while the rules delete beside it: `python -m tests.bench.retention DIR`.

Ten frames a second of 1.3 megapixels; beside them either nothing, or the deleting of pictures of
forty days ago, as the station does it by itself. Rounds of both take turns; a first fifth of each
does not count.
"""

from __future__ import annotations

import argparse
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.domain.inspection import Inspection
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.vision.image import pixels_sha256
from tests.bench.apart import SIZES
from tests.bench.machine import machine
from tests.bench.measures import frames_of
from tests.bench.station import make_station, run_station
from tests.publish.rows import inspection

RATE_HZ = 10.0
OLD = 4_000
"""Inspections of forty days ago, 200 kB each; more than a round can delete."""

_RULES = "\n[retention]\nenabled = {on}\npass_days = 30.0\npass_every = 20\n"


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    taken: dict[str, list[list[float]]] = {"alone": [], "beside": []}
    deleted = 0
    for _ in range(arguments.rounds):
        for name, ages in taken.items():
            shutil.rmtree(arguments.directory, ignore_errors=True)
            paths = make_station(arguments.directory)
            _fill(paths)
            text = paths.settings.read_text()
            paths.settings.write_text(text + _RULES.format(on=str(name == "beside").lower()))
            frames = frames_of(SIZES["1.3 MP"], 4)
            watch = run_station(arguments.directory, arguments.count, frames, RATE_HZ)
            ages.append(list(watch.ages_ms[arguments.count // 5 :]))
            if name == "beside":
                deleted += OLD - len(list(paths.evidence.rglob("old-*")))
    figures: dict[str, Any] = {"deleted_beside": deleted, "rounds": arguments.rounds}
    for name, rounds in taken.items():
        p50, p99 = np.percentile([age for ages in rounds for age in ages], [50, 99])
        figures |= {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}
        figures[f"{name}_p99_of_rounds_ms"] = [float(np.percentile(each, 99)) for each in rounds]
    figures["p99_ratio"] = figures["beside_p99_ms"] / figures["alone_p99_ms"]
    print(json.dumps({"machine": machine(), "figures": figures}, indent=1))


def _fill(paths: StationPaths) -> None:
    """Rows and pictures of forty days ago."""
    when = utc_now() - timedelta(days=40)
    picture = np.random.default_rng(1).integers(0, 255, 200_000, np.uint8).tobytes()
    sha256 = pixels_sha256(np.zeros((8, 8), np.uint8))
    rows: list[Inspection] = []
    for number in range(OLD):
        made = inspection(when + timedelta(milliseconds=number))
        frame = made.frame_id
        folder = f"evidence/{when:%Y-%m-%d}/{when:%H}"
        path = f"{folder}/old-{number}_{frame}.raw.png"
        (paths.state / folder).mkdir(parents=True, exist_ok=True)
        (paths.state / path).write_bytes(picture)
        values = {name: getattr(made, name) for name in Inspection.__slots__}
        digest = f"{number:08x}{sha256[8:]}"
        rows.append(Inspection(**values | {"raw_path": path, "raw_sha256": digest}))
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit(rows, when)
    ledger.close()


if __name__ == "__main__":
    main()
