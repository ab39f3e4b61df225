"""Clients that nobody here wrote ask a station at 20 frames/s: no lock, no row twice or missing, no
lag.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import polars
import pyarrow.compute
import pyarrow.dataset
import pytest

from qc_edge.settings import StationPaths
from tests.station.harness import make_station, start_child, wait_for
from tests.station.twins import Plan

CLI = Path(sys.executable).with_name("duckdb")
CAMERA = {"name": "top", "backend": "scripted"}
MOST_LAG = timedelta(seconds=10)
SECONDS = 8.0
QUESTION = """
SELECT count(*), count(DISTINCT frame_id), min(camera_frame_number), max(camera_frame_number),
       max(recorded_at)
FROM inspections
"""


@dataclass(frozen=True)
class Answer:
    """What a client saw, and when it had asked."""

    client: str
    asked_at: datetime
    rows: int
    distinct: int
    first: int
    last: int
    newest: datetime


def by_cli(*options: str) -> Callable[[StationPaths], tuple[object, ...]]:
    """The stock command line, a process for each question."""

    def ask(paths: StationPaths) -> tuple[object, ...]:
        said = subprocess.run(
            [str(CLI), *options, "-json", str(paths.qa), "-c", QUESTION],
            text=True,
            check=False,
            capture_output=True,
        )
        assert said.returncode == 0, said.stderr
        (row,) = json.loads(said.stdout)
        *figures, newest = row.values()
        return (*figures, datetime.fromisoformat(newest))

    return ask


def by_python() -> Callable[[StationPaths], tuple[object, ...]]:
    """DuckDB's Python client, which keeps its connection."""
    kept: list[duckdb.DuckDBPyConnection] = []

    def ask(paths: StationPaths) -> tuple[object, ...]:
        if not kept:
            kept.append(duckdb.connect(str(paths.qa)))
        return kept[0].execute(QUESTION).fetchone() or ()

    return ask


def by_pyarrow(paths: StationPaths) -> tuple[object, ...]:
    """The Parquet files without DuckDB."""
    columns = ["frame_id", "camera_frame_number", "recorded_at"]
    files = sorted(
        str(path) for path in (paths.published / "inspections").glob("date=*/hour=*.parquet")
    )
    table = pyarrow.dataset.dataset(files, format="parquet").to_table(columns=columns)
    ends = pyarrow.compute.min_max(table["camera_frame_number"]).as_py()
    newest = pyarrow.compute.max(table["recorded_at"]).as_py()
    return len(table), len(table["frame_id"].unique()), ends["min"], ends["max"], newest


def by_polars(paths: StationPaths) -> tuple[object, ...]:
    """The Parquet files without DuckDB, lazily."""
    number = polars.col("camera_frame_number")
    frames = polars.scan_parquet(
        paths.published / "inspections/**/*.parquet", hive_partitioning=False
    )
    return (
        frames.select(
            polars.len(),
            polars.col("frame_id").n_unique().alias("distinct"),
            number.min().alias("first"),
            number.max().alias("last"),
            polars.col("recorded_at").max(),
        )
        .collect()
        .row(0)
    )


class Asking:
    """Clients that ask in turns, each group on a thread of its own, until told to end."""

    def __init__(self, paths: StationPaths) -> None:
        self._paths = paths
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.answers: list[Answer] = []
        self.met: list[str] = []
        self.faults: list[str] = []

    def add(self, **clients: Callable[[StationPaths], tuple[object, ...]]) -> None:
        """One more thread, whose clients ask one after the other."""
        thread = threading.Thread(target=self._ask, args=(clients,))
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        """No more questions."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self, clients: dict[str, Callable[[StationPaths], tuple[object, ...]]]) -> None:
        while not self._stop.is_set():
            for name, ask in clients.items():
                if fault := self._fails(name, ask):
                    self.met.append(fault)
                    # What docs/qa.md tells a person to do.
                    if fault := self._fails(name, ask):
                        self.faults.append(fault)
                self._stop.wait(0.1)

    def _fails(self, name: str, ask: Callable[[StationPaths], tuple[object, ...]]) -> str | None:
        at = datetime.now(timezone.utc).replace(tzinfo=None)
        try:
            self.answers.append(Answer(name, at, *ask(self._paths)))  # type: ignore[arg-type]
        except Exception as fault:  # noqa: BLE001 - whatever a client raises is the finding
            return f"{name}: {fault}"
        return None


@pytest.mark.serial
def test_clients_see_every_row_once_and_soon_and_are_never_locked_out(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA)
    station = start_child(paths, Plan(camera="9999f", rate_hz=20.0))
    asking = Asking(paths)
    try:
        wait_for(paths.qa.exists, "qa.duckdb")
        wait_for(lambda: by_polars(paths)[0], "the first rows published")
        asking.add(python=by_python(), read_write=by_cli(), read_only=by_cli("-readonly"))
        asking.add(pyarrow=by_pyarrow)
        asking.add(polars=by_polars)
        with suppress(subprocess.TimeoutExpired):
            station.wait(SECONDS)
    finally:
        asking.end()
        station.terminate()
        assert station.wait(30) == 0

    assert not asking.faults
    assert not any("lock" in fault for fault in asking.met)
    assert len(asking.met) <= len(asking.answers) / 100, asking.met
    assert {answer.client for answer in asking.answers} == {
        "python",
        "read_write",
        "read_only",
        "pyarrow",
        "polars",
    }
    for answer in asking.answers:
        assert answer.distinct == answer.rows, f"a row twice: {answer}"
        assert answer.last - answer.first + 1 == answer.rows, f"a row is missing: {answer}"
        assert answer.asked_at - answer.newest < MOST_LAG, f"behind: {answer}"
    assert by_polars(paths)[0] == by_cli()(paths)[0] == recorded(paths)


def recorded(paths: StationPaths) -> int:
    """The inspections in the database of the station, now at rest."""
    with duckdb.connect(str(paths.database), read_only=True) as log:
        return int((log.execute("SELECT count(*) FROM inspections").fetchone() or (0,))[0])
