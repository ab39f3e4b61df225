"""The database takes over its write-ahead log between two frames, not within a commit."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import DiskFullError, StoreError
from qc_edge.store.log import checkpoint, database
from qc_edge.store.log.journal import Journal
from qc_edge.store.log.log_database import LogDatabase
from tests.station.harness import GOOD, drop, make_station, part, running
from tests.store.rows import content, fill, open_ledger


def wal(state: Path) -> Path:
    """The write-ahead log of `open_ledger`."""
    return state / "log.duckdb.wal"


def test_little_is_left_alone_and_much_is_checkpointed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 30_000)
    ledger = open_ledger(tmp_path)
    fill(ledger, 20)
    ledger.checkpoint(paused=False)
    assert 0 < wal(tmp_path).stat().st_size < checkpoint.CHECKPOINT_WAL_BYTES
    fill(ledger, 200, first=20)
    assert wal(tmp_path).stat().st_size > checkpoint.CHECKPOINT_WAL_BYTES
    rows = content(ledger)
    ledger.checkpoint(paused=False)
    assert not wal(tmp_path).exists()
    fill(ledger, 1, first=220)
    assert content(ledger)[:-1] == rows
    ledger.close()
    assert open_ledger(tmp_path).repairs == []


def kept(log: duckdb.DuckDBPyConnection) -> int:
    """Bytes of the database that DuckDB keeps in memory."""
    ((held,),) = log.execute(
        "SELECT sum(memory_usage_bytes) FILTER (tag = 'BASE_TABLE') FROM duckdb_memory()"
    ).fetchall()
    return int(held)


def written(log: duckdb.DuckDBPyConnection) -> int:
    """Bytes of its memory that DuckDB has written to temporary files."""
    ((bytes_,),) = log.execute(
        "SELECT sum(temporary_storage_bytes) FROM duckdb_memory()"
    ).fetchall()
    return int(bytes_)


def bound(log: duckdb.DuckDBPyConnection) -> str:
    """Of the memory that DuckDB may use."""
    ((limit,),) = log.execute("SELECT current_setting('memory_limit')").fetchall()
    return str(limit)


LITTLE = 768 << 10


def test_what_was_checkpointed_is_released_when_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 30_000)
    monkeypatch.setattr(database, "_KEPT_BYTES", LITTLE)
    ledger = open_ledger(tmp_path)
    fill(ledger, 200)
    with ledger.snapshot() as log:
        log.execute("FROM gaps").fetchall()
        ledger.checkpoint(paused=False)
        assert not wal(tmp_path).exists()
        assert kept(log) > LITTLE  # somebody reads, and might need it
    fill(ledger, 200, first=200)
    ledger.checkpoint(paused=False)
    assert not wal(tmp_path).exists()
    assert kept(ledger._database.connection) <= LITTLE
    ledger.close()


def test_what_was_read_is_released_by_the_last_reader_but_not_the_newest_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_KEPT_BYTES", LITTLE)
    ledger = open_ledger(tmp_path)
    fill(ledger, 200)
    ledger.close()
    ledger = open_ledger(tmp_path)
    fill(ledger, 500, first=200)
    with ledger.snapshot() as log:
        rows = content(ledger)
        assert kept(log) > LITTLE
    assert kept(ledger._database.connection) <= LITTLE
    assert (
        written(ledger._database.connection) == 0
    )  # not in the database's file yet: they stay in memory
    assert content(ledger) == rows
    ledger.reopen()
    assert kept(ledger._database.connection) <= LITTLE
    assert content(ledger) == rows
    ledger.close()


def test_who_has_read_does_not_wait_for_a_commit_to_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_KEPT_BYTES", LITTLE // 2)
    ledger = open_ledger(tmp_path)
    fill(ledger, 200)
    ledger.close()
    ledger = open_ledger(tmp_path)
    with ledger.snapshot() as log:
        log.execute("SELECT * FROM gaps, events LIMIT 1000").fetchall()
        held = kept(log)
        ledger._lock.acquire()
    assert kept(ledger._database.connection) == held > LITTLE // 2
    ledger._lock.release()
    ledger.close()


def test_a_reader_that_ends_after_the_log_was_closed_ends_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = open_ledger(tmp_path)
    with ledger.snapshot() as log:
        log.execute("FROM gaps").fetchall()
        ledger._database._readers.close(log)
        ledger.close()
    assert caplog.text == ""


def test_a_database_that_fails_under_a_reader_is_told_as_what_the_reader_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def invalidated(log: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.FatalException("the database has been invalidated")

    ledger = open_ledger(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("qc_edge.store.log.log_database.release_memory", invalidated)
        with pytest.raises(StoreError, match="no_such_table"), ledger.snapshot() as log:
            log.execute("FROM no_such_table")
        assert "stays in memory: the database has been invalidated" in caplog.text
        with ledger.snapshot() as log:
            assert log.execute("SELECT count(*) FROM gaps").fetchall() == [(0,)]
    fill(ledger, 2)
    assert len(content(ledger)) == 2
    ledger.close()


def test_memory_has_a_low_bound_once_the_log_is_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_opening: list[str] = []
    real = LogDatabase._catch_up

    def catch_up(database: LogDatabase, journal: Journal) -> None:
        while_opening.append(bound(database.connection))
        real(database, journal)

    monkeypatch.setattr(LogDatabase, "_catch_up", catch_up)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 30_000)
    ledger = open_ledger(tmp_path)
    assert bound(ledger._database.connection) == "122.0 MiB"
    ledger.reopen()
    assert bound(ledger._database.connection) == "122.0 MiB"
    fill(ledger, 200)
    ledger.checkpoint(paused=False)
    assert not wal(tmp_path).exists()
    assert bound(ledger._database.connection) == "122.0 MiB"
    assert while_opening == ["488.2 MiB"] * 2
    ledger.close()


def test_what_cannot_be_released_is_no_damage_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "_MEMORY_TO_WORK", "0B")
    ledger = open_ledger(tmp_path)
    fill(ledger, 3)
    assert ledger.repairs == []
    assert "the log's blocks stay in memory: Out of Memory" in caplog.text
    ledger.close()


def test_row_groups_are_joined_when_the_line_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row_groups() -> int:
        ((number,),) = ledger._database.connection.execute(
            "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('events')"
        ).fetchall()
        return int(number)

    ledger = open_ledger(tmp_path)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    for turn in range(checkpoint.VACUUM_AFTER_CHECKPOINTS):
        fill(ledger, 10, first=10 * turn)
        ledger.checkpoint(paused=True)
    rows, before = content(ledger), row_groups()
    monkeypatch.undo()
    ledger.checkpoint(paused=False)
    assert row_groups() == before > 1
    fill(ledger, 1, first=1000)
    ledger.checkpoint(paused=True)
    assert row_groups() < before
    assert content(ledger)[:-1] == rows
    ledger.close()


def test_a_reader_meanwhile_keeps_what_it_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    ledger = open_ledger(tmp_path)
    fill(ledger, 5)
    with ledger.snapshot() as log:
        assert log.execute("SELECT count(*) FROM gaps").fetchone() == (3,)
        fill(ledger, 5, first=5)
        ledger.checkpoint(paused=False)
        assert log.execute("SELECT count(*) FROM gaps").fetchone() == (3,)
    fill(ledger, 5, first=10)
    assert len(content(ledger)) == 15


def test_without_room_it_is_said_and_the_next_commit_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A connection that finds no room."""

        def execute(self, _: str) -> None:
            """As DuckDB says it."""
            raise duckdb.IOException("could not write: No space left on device")

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    ledger = open_ledger(tmp_path)
    fill(ledger, 5)
    real, ledger._database.connection = ledger._database.connection, Full()  # type: ignore[assignment]
    with pytest.raises(DiskFullError):
        ledger.checkpoint(paused=False)
    real.close()
    ledger.checkpoint(paused=False)  # not again before it is mended
    fill(ledger, 5, first=5)
    assert len(content(ledger)) == 10


def test_a_station_folds_when_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(3):
            drop(paths, f"{number}.png", part(GOOD, number))
        station.wait_until_inspected(3)
        station.wait_for(lambda: not Path(f"{paths.database}.wal").exists(), "the checkpoint")
