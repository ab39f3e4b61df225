"""Run the benchmark: `python -m tests.bench [--long] [--only NAME]`, tables on stdout, JSON
beside.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench.changeover import changeover
from tests.bench.engines import engine
from tests.bench.log_parts import log, query
from tests.bench.machine import RESULTS, machine
from tests.bench.station_parts import growth, latency, memory, speed, start
from tests.bench.views import views

PARTS = {
    "speed": speed,
    "latency": latency,
    "growth": growth,
    "start": start,
    "memory": memory,
    "log": log,
    "query": query,
    "engine": engine,
    "changeover": changeover,
    "views": views,
}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--long", action="store_true", help="enough frames for p99.9 and memory: 2 hours"
    )
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="only this part; may be given again"
    )
    parser.add_argument(
        "--keep",
        metavar="NAME",
        help="write results/NAME.json, beside the parts that it has (default: by date)",
    )
    chosen = parser.parse_args()
    console = Console()
    RESULTS.mkdir(exist_ok=True)
    path = (
        RESULTS / f"{chosen.keep or datetime.now(timezone.utc).strftime('%Y-%m-%dT%H%M%SZ')}.json"
    )
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in chosen.only or PARTS:
        figures = PARTS[name](console, chosen.long)
        result[name] = {"machine": machine(), "long": chosen.long, "figures": figures}
        path.write_text(json.dumps(result, indent=1) + "\n")
    console.print(
        f"kept as {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    )


if __name__ == "__main__":
    main()
