"""qa.duckdb is there, fits where the station is, and shuts nobody out."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import StoreError
from qc_edge.publish.qa_database import QaDatabase, build
from qc_edge.service.heartbeat import Heartbeat
from tests.publish.rows import NOON, Log, event, log
from tests.station.harness import wait_for

CLI = Path(sys.executable).with_name("duckdb")


@contextmanager
def open_to_all(made: Log) -> Iterator[Path]:
    """qa.duckdb, kept as the station keeps it."""
    path, stop, ready = made.state / "qa.duckdb", threading.Event(), threading.Event()
    ready.set()
    keeper = threading.Thread(
        target=QaDatabase(path, made.published).run, args=(Heartbeat("qa", 15), stop, ready)
    )
    keeper.start()
    try:
        wait_for(path.exists, "qa.duckdb")
        yield path
    finally:
        stop.set()
        keeper.join()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Log]:
    """A log with two events, published."""
    with log(tmp_path) as each:
        each.add(event(NOON), event(NOON))
        each.publisher.publish()
        yield each


def ask(path: Path, sql: str = "SELECT count(*) FROM events", *, read_only: bool = False) -> object:
    """The first value of the answer, by a client of its own in this process."""
    with duckdb.connect(str(path), read_only=read_only) as client:
        (value,) = client.execute(sql).fetchone() or (None,)
        return value


def cli(path: Path, sql: str, *options: str) -> str:
    """What the stock command line of DuckDB says, a version older than the station's."""
    return subprocess.run(
        [str(CLI), *options, "-csv", "-noheader", str(path), "-c", sql],
        text=True,
        check=True,
        capture_output=True,
    ).stdout.strip()


@contextmanager
def holding(path: Path, *options: str) -> Iterator[None]:
    """The stock command line has asked and keeps the database open."""
    before = turn(path)
    client = subprocess.Popen(
        [str(CLI), *options, "-csv", "-noheader", str(path)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert client.stdin and client.stdout
        client.stdin.write("SELECT count(*) FROM events;\n")
        client.stdin.flush()
        assert client.stdout.readline().strip() == "2"
        wait_for(lambda: turn(path) != before, "a fresh file for the next comer")
        yield
    finally:
        client.communicate(timeout=30)


def turn(path: Path) -> int:
    """When the file came to its name: a new one has another; numbers of inodes are used again."""
    return path.stat().st_ctime_ns


def test_a_client_that_writes_shuts_nobody_out(made: Log) -> None:
    """The stock CLI opens for writing unless told otherwise; several hold the file while others
    come.
    """
    with open_to_all(made) as path, ExitStack() as clients:
        for options in ((), ("-readonly",), (), ("-readonly",)):
            clients.enter_context(holding(path, *options))
        before = turn(path)
        with duckdb.connect(str(path)) as client:
            assert client.execute("SELECT count(*) FROM events").fetchall() == [(2,)]
            wait_for(lambda: turn(path) != before, "a fresh file for the next comer")
            clients.enter_context(holding(path))


def test_what_a_client_leaves_in_its_file_is_seen_by_nobody_else(made: Log) -> None:
    with open_to_all(made) as path:
        before = turn(path)
        with duckdb.connect(str(path)) as client:
            wait_for(lambda: turn(path) != before, "a fresh file for the next comer")
            client.execute("CREATE VIEW mine AS SELECT 1")
            client.execute("CREATE OR REPLACE VIEW events AS SELECT 'forged'")
            wait_for(lambda: not Path(f"{path}.wal").exists(), "its write-ahead log is gone")
            assert cli(path, "SELECT count(*) FROM events") == "2"
            assert client.execute("FROM mine").fetchall() == [(1,)]


def test_new_rows_are_seen_by_a_client_that_has_it_open(made: Log) -> None:
    with open_to_all(made) as path, duckdb.connect(str(path), read_only=True) as client:
        for count in (2, 3, 4):
            assert client.execute("SELECT count(*) FROM events").fetchall() == [(count,)]
            made.add(event(NOON))
            made.publisher.publish()


def test_a_deleted_database_is_there_again(made: Log) -> None:
    with open_to_all(made) as path:
        path.unlink()
        wait_for(path.exists, "qa.duckdb again")
        assert ask(path) == 2


def test_nothing_but_the_database_is_left_behind(made: Log) -> None:
    with open_to_all(made) as path:
        ask(path)
    assert [each.name for each in made.state.glob("*qa*")] == ["qa.duckdb"]
    assert [each.name for each in made.state.glob(".*qa*")] == []


def test_it_holds_views_and_no_rows(made: Log) -> None:
    build(made.state / "qa.duckdb", made.published)
    assert ask(made.state / "qa.duckdb", "SELECT count(*) FROM duckdb_tables()") == 0
    assert (made.state / "qa.duckdb").stat().st_size < 200_000


def test_a_station_that_was_moved_finds_its_files(
    made: Log, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = tmp_path_factory.mktemp("with 'quotes' and [signs]*") / "state"
    made.published.rename(moved)
    build(made.state / "qa.duckdb", moved)
    assert ask(made.state / "qa.duckdb") == 2
    moved.rename(made.published)


def test_without_published_files_the_reason_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No files found"):
        build(tmp_path / "qa.duckdb", tmp_path / "published")


def test_it_can_be_attached_and_used_beside_tables_of_ones_own(made: Log) -> None:
    build(made.state / "qa.duckdb", made.published)
    with duckdb.connect() as client:
        client.execute(f"ATTACH '{made.state}/qa.duckdb' AS qa (READ_ONLY)")
        assert client.execute("SELECT count(*) FROM qa.events").fetchall() == [(2,)]
        client.execute("CREATE TABLE memory.mine AS FROM qa.events")
        client.execute("USE qa")
        assert client.execute("FROM threshold_replay(0.5)").fetchall()
