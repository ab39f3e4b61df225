"""How what a plant's stations send grows by day: `python -m tests.bench.fleet_growth OUT.json`.

STATIONS stations send to one mounted directory, night by night, each night one sealed day of 24
hours from each of them, 8 at once; evidence goes by reference. It goes on for DAYS nights or until
SECONDS have passed, and writes down after each night what is upstream and what the night took.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from qc_edge.settings import StationPaths
from qc_edge.upstream import sync
from qc_edge.upstream.due import SealedDays
from qc_edge.upstream.targets import Access, connect
from tests.bench import fleet
from tests.publish.rows import event, inspection, log
from tests.upstream.sealed import NAME, SendingStation, nothing

STATIONS = int(os.environ.get("STATIONS", "200"))
DAYS = int(os.environ.get("DAYS", "30"))
SECONDS = float(os.environ.get("SECONDS", "840"))
AT_ONCE = 8


def template(root: Path) -> SendingStation:
    """A station with DAYS sealed days."""
    made = SendingStation(StationPaths(root, NAME), root / "upstream")
    made.upstream.mkdir(parents=True)
    made.configure()
    told = fleet._DAY + timedelta(days=DAYS, minutes=6)
    with log(made.paths.state, told=told) as kept:
        for hour in range(24 * DAYS):
            at = fleet._DAY + timedelta(hours=hour, minutes=1)
            kept.add(event(at), *(inspection(at) for _ in range(5)))
        kept.publisher.publish()
        for day in kept.publisher.due(told):
            kept.publisher.seal(day, told)
        kept.publisher.publish()
    return made


class UpTo(SealedDays):
    """As if the days after `last` had not come yet."""

    last: date

    def due(self, url: str, since: date | None = None) -> Iterator[date]:
        return (day for day in super().due(url, since) if day <= UpTo.last)


def night(root: Path, made: SendingStation, number: int) -> dict[str, Any]:
    """All stations send the day that has come to an end."""
    UpTo.last = (fleet._DAY + timedelta(days=number)).date()
    took: list[float] = []

    def send(station: int) -> None:
        paths = StationPaths(root / f"plant/{station}", NAME)
        each = SendingStation(paths, root / f"upstream/{station}")
        begun = time.monotonic()
        report = sync.Sync(
            paths, made.settings, connect(f"file://{each.upstream}", Access({})), nothing
        ).run()
        assert [receipt.day for receipt in report.sent] == [UpTo.last], report
        took.append(time.monotonic() - begun)

    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(STATIONS)))
    files, size = 0, 0
    for directory, _, names in os.walk(root / "upstream"):
        files += len(names)
        size += sum(os.stat(os.path.join(directory, name)).st_size for name in names)  # noqa: PTH116, PTH118
    return {
        "night": number + 1,
        "all_in_s": round(time.monotonic() - begun, 1),
        "station_p50_s": round(sorted(took)[len(took) // 2], 2),
        "station_max_s": round(max(took), 2),
        "files": files,
        "megabytes": round(size / 1e6, 1),
    }


def main(out: str) -> None:
    """Night after night, written down after each."""
    ends = time.monotonic() + SECONDS
    setattr(sync, "SealedDays", UpTo)  # noqa: B010 - it is not its own
    figures: dict[str, Any] = {"stations": STATIONS, "nights": []}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as kept:
        root = Path(kept)
        made = template(root / "template")
        for station in range(STATIONS):
            # Links: a sync only reads, and its own records are files of their own.
            shutil.copytree(made.paths.root, root / f"plant/{station}", copy_function=os.link)
            (root / f"upstream/{station}").mkdir(parents=True)
        for number in range(DAYS):
            figures["nights"].append(night(root, made, number))
            print(figures["nights"][-1], flush=True)
            Path(out).write_text(json.dumps(figures, indent=1) + "\n")
            if time.monotonic() > ends:
                break


if __name__ == "__main__":
    main(sys.argv[1])
