"""The ledger and the publisher used by several threads at once, as a station's workers use them.

DuckDB 2.0 refuses a connection that two threads use at once, where 1.5 lets one of them wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.store.log.log_database import Readers
from tests.publish.rows import NOON, Log, event, everything, gap, inspection, log

COMMITS = 150
"""By the inspector, and as many by the shadow; all others go on until both are done."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Log]:
    """A log with a few rows of the day before, published and not sealed."""
    with log(tmp_path) as opened:
        before = NOON - timedelta(days=1)
        opened.add(inspection(before), event(before), gap(before))
        opened.publisher.publish()
        yield opened


def inspect(made: Log) -> None:
    """Rows that are appended, then applied; now and then what is done in a pause."""
    for number in range(COMMITS):
        made.ledger.append([inspection(NOON), event(NOON)], NOON)
        made.ledger.apply()
        made.ledger.checkpoint(paused=number % 10 == 0)


def shadow(made: Log) -> None:
    """Rows of another thread."""
    for _ in range(COMMITS):
        made.ledger.commit([event(NOON), gap(NOON)], NOON)


def look(made: Log) -> None:
    """What is asked of the ledger by the line and by who shows it."""
    counts = made.ledger.day_counts(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
    assert set(counts.verdicts) <= {"PASS"}
    assert made.ledger.recorded_ids([event(NOON).event_id]) == set()
    assert made.ledger.last_threshold_id() == "tests:0.5"
    assert made.ledger.last_event_after("tested") is None


def read(made: Log) -> None:
    """The same number twice, however many rows are added meanwhile."""
    with made.ledger.snapshot() as reading:
        numbers = {
            reading.execute("SELECT count(*), max(chain_seq) FROM events").fetchone()
            for _ in range(3)
        }
    assert len(numbers) == 1


def publish(made: Log) -> None:
    """One thread publishes, compares and seals."""
    made.publisher.publish()
    made.publisher.compare(NOON)
    for day in made.publisher.due(NOON):
        made.publisher.seal(day, NOON)


def done(readers: Readers, cursor: duckdb.DuckDBPyConnection, start: threading.Barrier) -> None:
    """A reader that is done when all are there."""
    start.wait(10)
    readers.close(cursor)


def go_on(work: Callable[[Log], None], made: Log, stop: threading.Event) -> int:
    """How often it was done until `stop`."""
    times = 0
    while not stop.is_set():
        work(made)
        times += 1
    return times


def test_all_threads_of_a_station_use_the_log_at_once(made: Log) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        others = [pool.submit(go_on, work, made, stop) for work in (look, read, read, publish)]
        writers = [pool.submit(work, made) for work in (inspect, shadow)]
        try:
            for future in writers:
                future.result()
        finally:
            stop.set()
        assert all(future.result() > 0 for future in others)
    with made.ledger.snapshot() as reading:
        every = " UNION ALL ".join(f"SELECT chain_seq FROM {table}" for table in COLUMNS)
        numbers = [seq for (seq,) in reading.execute(f"{every} ORDER BY 1").fetchall()]
    assert numbers == list(range(1, 3 + 4 * COMMITS + 1))
    made.publisher.publish()
    everything(made)


def test_a_log_that_is_opened_again_ends_its_readers_in_words(made: Log) -> None:
    """What they meet is a StoreError, which they take for a log that cannot be read just now."""
    stop = threading.Event()

    def reading() -> None:
        while not stop.is_set():
            with suppress(StoreError):
                read(made)

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(reading) for _ in range(3)]
        try:
            for _ in range(20):
                made.ledger.reopen()
                made.ledger.commit([event(NOON)], NOON)
        finally:
            stop.set()
        for future in readers:
            future.result()
    assert made.ledger.newest_seq("events") == 23


def test_a_log_that_could_not_be_opened_again_says_so_to_its_readers(made: Log) -> None:
    database = made.state / "t.duckdb"
    kept = database.rename(made.state / "kept")
    database.mkdir()
    with pytest.raises(StoreError):
        made.ledger.reopen()
    with pytest.raises(StoreError, match="the rows are safe in the journal"):
        made.kept()
    database.rmdir()
    kept.rename(database)
    made.ledger.reopen()
    assert made.kept() == [2]


def test_a_reader_may_be_done_in_the_moment_that_all_are_ended() -> None:
    with duckdb.connect() as parent, ThreadPoolExecutor(4) as pool:
        for _ in range(200):
            readers, start = Readers(), threading.Barrier(5)
            cursors = [readers.cursor(parent) for _ in range(4)]

            closing = [pool.submit(done, readers, cursor, start) for cursor in cursors]
            start.wait(10)
            readers.end()
            for future in closing:
                future.result()
            assert not readers
