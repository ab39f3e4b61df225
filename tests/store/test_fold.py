"""The write-ahead log is folded into the database between two frames, not within a commit."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import DiskFullError
from qc_edge.store import database
from qc_edge.store import fold as module
from qc_edge.store.ledger import Ledger
from tests.station.harness import GOOD, drop, make_station, part, running
from tests.store.rows import content, fill, open_ledger


def wal(state: Path) -> Path:
    """The write-ahead log of `open_ledger`."""
    return state / "log.duckdb.wal"


def test_little_is_left_alone_and_much_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLD_BYTES", 30_000)
    ledger = open_ledger(tmp_path)
    fill(ledger, 20)
    ledger.tidy(paused=False)
    assert 0 < wal(tmp_path).stat().st_size < module.FOLD_BYTES
    fill(ledger, 200, first=20)
    assert wal(tmp_path).stat().st_size > module.FOLD_BYTES
    rows = content(ledger)
    ledger.tidy(paused=False)
    assert not wal(tmp_path).exists()
    fill(ledger, 1, first=220)
    assert content(ledger)[:-1] == rows
    ledger.close()
    assert open_ledger(tmp_path).mended == []


def test_what_is_kept_in_memory_has_a_low_bound_once_the_log_is_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bounds(log: duckdb.DuckDBPyConnection) -> str:
        ((limit,),) = log.execute("SELECT current_setting('memory_limit')").fetchall()
        return str(limit)

    while_opening: list[str] = []
    real = Ledger._catch_up

    def catch_up(ledger: Ledger) -> None:
        while_opening.append(bounds(ledger._log))
        real(ledger)

    monkeypatch.setattr(Ledger, "_catch_up", catch_up)
    ledger = open_ledger(tmp_path)
    assert bounds(ledger._log) == "122.0 MiB"
    ledger.reopen()
    assert bounds(ledger._log) == "122.0 MiB"
    assert while_opening == ["488.2 MiB"] * 2
    ledger.close()


def test_a_log_that_needs_more_memory_is_opened_all_the_same_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "_TO_WORK", "0B")
    ledger = open_ledger(tmp_path)
    fill(ledger, 3)
    assert ledger.mended == []
    assert "keeps up to 512MB in memory until the next start" in caplog.text
    ledger.close()


def test_pieces_are_joined_when_the_line_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces() -> int:
        ((number,),) = ledger._log.execute(
            "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('events')"
        ).fetchall()
        return int(number)

    ledger = open_ledger(tmp_path)
    monkeypatch.setattr(module, "FOLD_BYTES", 1)
    for turn in range(module.JOIN_AFTER):
        fill(ledger, 10, first=10 * turn)
        ledger.tidy(paused=True)
    rows, before = content(ledger), pieces()
    monkeypatch.undo()
    ledger.tidy(paused=False)
    assert pieces() == before > 1
    fill(ledger, 1, first=1000)
    ledger.tidy(paused=True)
    assert pieces() < before
    assert content(ledger)[:-1] == rows
    ledger.close()


def test_a_reader_meanwhile_keeps_what_it_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLD_BYTES", 1)
    ledger = open_ledger(tmp_path)
    fill(ledger, 5)
    with ledger.reading() as log:
        assert log.execute("SELECT count(*) FROM gaps").fetchone() == (3,)
        fill(ledger, 5, first=5)
        ledger.tidy(paused=False)
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

    monkeypatch.setattr(module, "FOLD_BYTES", 1)
    ledger = open_ledger(tmp_path)
    fill(ledger, 5)
    real, ledger._log = ledger._log, Full()  # type: ignore[assignment]
    with pytest.raises(DiskFullError):
        ledger.tidy(paused=False)
    real.close()
    ledger.tidy(paused=False)  # not again before it is mended
    fill(ledger, 5, first=5)
    assert len(content(ledger)) == 10


def test_a_station_folds_when_nothing_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLD_BYTES", 1)
    paths = make_station(tmp_path)
    with running(paths) as station:
        for number in range(3):
            drop(paths, f"{number}.png", part(GOOD, number))
        station.wait_until_inspected(3)
        station.wait_for(lambda: not Path(f"{paths.database}.wal").exists(), "the log to be folded")
