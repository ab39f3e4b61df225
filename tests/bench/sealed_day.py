"""A day of 864,000 inspections: sealing it, its look-up index, sending it, and the memory for that.

`python -m tests.bench.sealed_day DIR [OUT.json]`: the rows are made once and kept under DIR.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qc_edge.publish.publisher import Publisher
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from qc_edge.settings.render import render_settings
from qc_edge.setup.new_station import parse_camera, provision
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.upstream.sync import Sync
from qc_edge.upstream.targets import Access, connect
from tests.bench import generate, invented
from tests.bench.log import NAME
from tests.publish.rows import LedgerEventLog

ROWS = 864_000


def main(root: Path, out: str = "") -> None:
    """Make, seal, index and send the day."""
    paths = StationPaths(root, NAME)
    if not paths.published.exists():
        provision(root, NAME, parse_camera("emulated"))
        generate.fill(paths, ROWS, ROWS // invented.HOURS_A_DAY)
        generate.publish(paths)
    figures: dict[str, float] = {"inspections": ROWS, "memory_before_mb": _memory()}
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    events = LedgerEventLog(ledger, utc_now())
    publisher = Publisher(ledger, paths.published, Disk(), NAME, events)
    publisher.compare(utc_now())
    (day, *_) = publisher.due(utc_now())
    figures["seal_s"] = _timed(lambda: publisher.seal(day, utc_now()))
    figures["memory_sealed_mb"] = _memory()
    figures["index_s"] = _timed(publisher.tend_indexes)
    figures["memory_indexed_mb"] = _memory()
    publisher.publish()
    ledger.close()
    upstream = root / "upstream"
    shutil.rmtree(upstream, ignore_errors=True)
    shutil.rmtree(paths.upstream, ignore_errors=True)
    upstream.mkdir()
    values = {"url": f"file://{upstream}", "same_disk": True}
    paths.settings.write_text(render_settings({"station": {"name": NAME}, "upstream": values}, []))
    target = connect(f"file://{upstream}", Access({}))
    sync = Sync(paths, load_settings(paths.settings), target, lambda *_: None)
    figures["sync_s"] = _timed(sync.run)
    figures["memory_sent_mb"] = _memory()
    (receipt,) = sync.report.sent
    figures |= {"rows": receipt.rows, "files": receipt.files, "megabytes": receipt.size_bytes / 1e6}
    figures["sync_rows_a_s"] = receipt.rows / figures["sync_s"]
    figures["sync_mb_a_s"] = figures["megabytes"] / figures["sync_s"]
    figures["plain_copy_s"] = _timed(lambda: _copy(upstream / "tables", root / "copied"))
    text = json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=1)
    print(text)
    if out:
        Path(out).write_text(text + "\n")


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for path in target.rglob("*.parquet"):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), *sys.argv[2:3])
