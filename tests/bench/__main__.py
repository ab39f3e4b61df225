"""Run the benchmark: `python -m tests.bench [--long] [--only NAME]`, tables on stdout, JSON
beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench.engines import engine
from tests.bench.log_parts import log, query
from tests.bench.station_parts import growth, latency, memory, speed, start

RESULTS = Path(__file__).parent / "results"

PARTS = {
    "speed": speed,
    "latency": latency,
    "growth": growth,
    "start": start,
    "memory": memory,
    "log": log,
    "query": query,
    "engine": engine,
}


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    ask = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(ask, capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpu": next(names, platform.processor()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
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
        result[name] = {"machine": _machine(), "long": chosen.long, "figures": figures}
        path.write_text(json.dumps(result, indent=1) + "\n")
    console.print(
        f"kept as {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    )


if __name__ == "__main__":
    main()
