"""The traceability log with ten million rows: its size, what a question takes, what a commit takes.

The rows are generated once and kept under .cache/; what writes works on a copy that is removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.history import Selection
from qc_edge.domain.inspection import Inspection, values
from qc_edge.publish.publisher import Publisher
from qc_edge.query.past.station_history import history_at_rest, published_history
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import parse_camera, provision
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.bench import generate, invented, rival
from tests.event_log import MemoryEventLog

CACHE = Path(__file__).parents[2] / ".cache"
NAME = "bench"
BUSY_HOUR = 36_000
_LOOK_UPS = 15

Figures = dict[str, float]


def prepare(rows: int, say: Callable[[str], object] = print) -> Path:
    """The root of a station with `rows` generated inspections and its rival; made if it is not
    there.
    """
    made_by = b"".join(Path(module.__file__ or "").read_bytes() for module in (generate, invented))
    root = CACHE / f"log-{rows}-{hashlib.sha256(made_by).hexdigest()[:8]}"
    paths = StationPaths(root, NAME)
    steps: list[tuple[Path, str, Callable[[], object]]] = [
        (root / "filled", f"generating {rows:,} inspections", lambda: _fill(root, rows)),
        (root / "published", "publishing them", lambda: generate.publish(paths)),
        (
            root / "copied",
            "copying them to SQLite",
            lambda: rival.copy(paths.database, root / "rival.sqlite"),
        ),
    ]
    for mark, words, step in steps:
        if not mark.exists():
            say(f"{words}; kept under {root.relative_to(CACHE.parent)}")
            begun = time.perf_counter()
            step()
            mark.write_text(f"{time.perf_counter() - begun:.1f}\n")
    return root


def _fill(root: Path, rows: int) -> None:
    shutil.rmtree(root, ignore_errors=True)
    paths = provision(root, NAME, parse_camera("emulated")).paths
    generate.fill(paths, rows)


def sizes(root: Path) -> Figures:
    """Bytes a row on the disk, and how long the rows took to make (s)."""
    paths = StationPaths(root, NAME)
    with history_at_rest(paths.database, Selection()) as history:
        rows = history.totals(0.5).inspections
    files = [path.stat().st_size for path in paths.published.rglob("*.parquet")]
    return {
        "rows": rows,
        "database_bytes_a_row": paths.database.stat().st_size / rows,
        "published_bytes_a_row": sum(files) / rows,
        "published_files": len(files),
        "sqlite_bytes_a_row": (root / "rival.sqlite").stat().st_size / rows,
        **{
            f"{step}_s": float((root / step).read_text())
            for step in ("filled", "published", "copied")
        },
    }


def replays(root: Path) -> Figures:
    """Milliseconds to judge every row again by another threshold: the median of seven."""
    paths, taken = StationPaths(root, NAME), Figures()
    whole = Selection()
    totals = {}
    looks = (
        ("database", history_at_rest(paths.database, whole)),
        ("published", published_history(paths.published, whole)),
    )
    for name, look in looks:
        with look as history:
            totals[name] = history.totals(0.42)
            taken[f"replay_{name}_ms"] = _median(lambda: history.totals(0.42), 7)
            taken[f"judge_labels_{name}_ms"] = _median(history.labelled, 3)
    lite = rival.opened(root / "rival.sqlite")
    found: Sequence[int] = lite.execute(rival.REPLAY, [0.42]).fetchone()
    taken["replay_sqlite_ms"] = _median(lambda: lite.execute(rival.REPLAY, [0.42]).fetchone(), 3)
    lite.close()
    ours = totals["database"]
    assert totals["published"] == ours
    assert tuple(found) == (
        ours.inspections,
        ours.failed,
        ours.invalid,
        ours.pass_to_fail,
        ours.fail_to_pass,
        ours.unexplained,
    )
    return taken


def look_ups(root: Path) -> Figures:
    """Milliseconds to find all that is known of one part: the median of several, all over the
    past.
    """
    import duckdb

    paths, taken = StationPaths(root, NAME), Figures()
    rows = int(sizes(root)["rows"])
    parts = [f"left-{1 + number * (rows // 2 - 1) // _LOOK_UPS}" for number in range(_LOOK_UPS)]
    ask = "SELECT * FROM inspections WHERE part_id = ?"
    with duckdb.connect(str(paths.database), read_only=True) as log:
        taken["part_database_ms"] = _each(parts, lambda part: log.execute(ask, [part]).fetchall())
    files = f"read_parquet('{paths.published}/inspections/*/*.parquet')"
    with duckdb.connect() as log:
        ask_files = ask.replace("inspections", files)
        taken["part_published_ms"] = _each(
            parts, lambda part: log.execute(ask_files, [part]).fetchall()
        )
    lite = rival.opened(root / "rival.sqlite")
    taken["part_sqlite_ms"] = _each(parts, lambda part: lite.execute(ask, [part]).fetchall())
    lite.close()
    return taken


def writing(root: Path, commits: int = 500, busy: int = BUSY_HOUR) -> Figures:
    """On a copy: opening the log, one-row commits, publishing a busy hour, all with the past behind
    them.
    """
    taken = Figures()
    clone = copy_of(root)
    try:
        paths = StationPaths(clone, NAME)
        begun = time.perf_counter()
        ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
        taken["open_ms"] = (time.perf_counter() - begun) * 1e3
        publisher = Publisher(ledger, paths.published, Disk(), NAME, MemoryEventLog())
        begun = time.perf_counter()
        publisher.compare(utc_now())
        taken["compare_s"] = time.perf_counter() - begun
        rows = _Rows(paths)
        taken |= _percentiles("commit", commits, lambda: ledger.commit([rows.next()], utc_now()))
        for _ in range(busy // 1000):
            ledger.commit([rows.next() for _ in range(1000)], utc_now())
        begun = time.perf_counter()
        publisher.publish()
        taken["publish_busy_hour_s"] = time.perf_counter() - begun
        ledger.close()
        taken |= _rival_commits(root, commits, rows)
    finally:
        shutil.rmtree(clone, ignore_errors=True)
    return taken


def _rival_commits(root: Path, commits: int, rows: _Rows) -> Figures:
    """One-row commits into the rival itself; the rows are taken out again."""
    lite = rival.opened(root / "rival.sqlite")
    (newest,) = lite.execute("SELECT max(rowid) FROM inspections").fetchone()

    def commit() -> None:
        lite.execute(rival.INSERT, (*rival.values(values(rows.next())), 1, "0" * 64))
        lite.commit()

    try:
        return _percentiles("commit_sqlite", commits, commit)
    finally:
        lite.execute("DELETE FROM inspections WHERE rowid > ?", [newest])
        lite.commit()
        lite.close()


def start_up(root: Path, runs: int = 3) -> Figures:
    """Seconds from the start of the process to READY, with the past behind it: on a copy."""
    clone = copy_of(root)
    try:
        paths, taken = StationPaths(clone, NAME), []
        for _ in range(runs):
            begun = time.perf_counter()
            command = [sys.executable, "-m", "qc_edge", "run", NAME, "--root", str(clone)]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            while not _is_ready(paths):
                if process.poll() is not None or time.perf_counter() - begun > 120:
                    raise RuntimeError("the station did not become ready")
                time.sleep(0.01)
            taken.append(time.perf_counter() - begun)
            process.terminate()
            process.wait(20)
        return {"start_p50_s": float(np.median(taken)), "start_max_s": max(taken)}
    finally:
        shutil.rmtree(clone, ignore_errors=True)


def copy_of(root: Path) -> Path:
    """A copy without the rival that may be written to; published files are shared: they are only
    replaced.
    """
    clone = root.with_name(f"{root.name}.copy-{os.getpid()}")
    shutil.rmtree(clone, ignore_errors=True)

    def copy(source: str, target: str) -> str:
        if source.endswith(".parquet"):
            os.link(source, target)
        else:
            shutil.copyfile(source, target)
        return target

    shutil.copytree(
        root, clone, copy_function=copy, ignore=shutil.ignore_patterns("rival.*", "run")
    )
    return clone


class _Rows:
    """Inspections like the newest of a log, recorded from the beginning of this hour on."""

    def __init__(self, paths: StationPaths) -> None:
        now = utc_now()
        self._now = now.replace(minute=0, second=0, microsecond=0)
        self._template = _newest(paths)
        self._number = 0

    def next(self) -> Inspection:
        self._number += 1
        at = self._now + timedelta(microseconds=self._number)
        micros = int(at.timestamp() * 1e6)
        digest = hashlib.sha256(str(self._number).encode()).hexdigest()
        return replace(
            self._template,
            frame_id=FrameId(frame_id(micros, "left")),
            recorded_at=at,
            captured_at=at,
            part_id=f"left-{9_000_000 + self._number}",
            raw_sha256=digest,
            prepared_sha256=digest,
            score=(self._number * 0.618034) % 0.5,
        )


def _newest(paths: StationPaths) -> Inspection:
    """One real row: of a small station made for that."""
    small = StationPaths(paths.root / "small", NAME)
    generate.fill(small, 100, 100)
    return next(row for row in read_inspections(small.database) if row.score is not None)


def _is_ready(paths: StationPaths) -> bool:
    try:
        return b'"ready": true' in paths.status.read_bytes()
    except FileNotFoundError:
        return False


def _median(ask: Callable[[], object], times: int) -> float:
    return _each(range(times), lambda _: ask())


def _each(given: Sequence[Any], ask: Callable[[Any], object]) -> float:
    """The median of one call for each, in milliseconds."""
    taken = []
    for each in given:
        begun = time.perf_counter()
        ask(each)
        taken.append((time.perf_counter() - begun) * 1e3)
    return float(np.median(taken))


def _percentiles(name: str, times: int, work: Callable[[], object]) -> Figures:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1e3)
    p50, p99 = np.percentile(taken, [50, 99])
    return {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}
