"""A log that does not open is set aside and rebuilt from the journal, said loudly, and never a boot
loop.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import StoreError
from tests.store.rows import content, fill, open_ledger

ROWS = 60


def crashed(state: Path, rows: int = ROWS) -> list[tuple[str, ...]]:
    """A log as a kill leaves it: half its rows in the database file, half in its write-ahead
    log.
    """
    program = (
        "import os, sys; from pathlib import Path; from tests.store.rows import *\n"
        "ledger = open_ledger(Path(sys.argv[1])); fill(ledger, int(sys.argv[2]) // 2)\n"
        "ledger._database.connection.execute('CHECKPOINT log')\n"
        "fill(ledger, int(sys.argv[2]) // 2, first=int(sys.argv[2]) // 2)\n"
        "print(content(ledger)); sys.stdout.flush(); os._exit(0)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(state), str(rows)],
        check=True,
        capture_output=True,
        text=True,
    )
    expected: list[tuple[str, ...]] = eval(said.stdout)  # noqa: S307 - our own tuples
    assert len(expected) == rows
    return expected


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, ...]]]:
    """A crashed log to copy, and its rows."""
    state = tmp_path_factory.mktemp("crashed")
    return state, crashed(state)


Crash = tuple[Path, list[tuple[str, ...]]]


def copied(crash: Crash, state: Path) -> tuple[Path, Path]:
    """A fresh copy under `state`; the database and its write-ahead log."""
    for file in (
        "log.duckdb",
        "log.duckdb.wal",
        *(f"journal/{p.name}" for p in (crash[0] / "journal").iterdir()),
    ):
        (state / file).parent.mkdir(parents=True, exist_ok=True)
        (state / file).write_bytes((crash[0] / file).read_bytes())
    return state / "log.duckdb", state / "log.duckdb.wal"


def check_mended(state: Path, crash: Crash) -> list[str]:
    """It opens with every row, goes on, and opens again without anything to mend; what was
    mended.
    """
    ledger = open_ledger(state)
    mended = ledger.repairs
    assert content(ledger) == crash[1]
    fill(ledger, 5, first=1000)
    ledger.close()
    again = open_ledger(state)
    assert again.repairs == []
    assert len(content(again)) == len(crash[1]) + 5
    again.close()
    return mended


def test_a_crash_without_damage_needs_no_mending(tmp_path: Path, crash: Crash) -> None:
    copied(crash, tmp_path)
    assert check_mended(tmp_path, crash) == []


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
def test_a_write_ahead_log_cut_anywhere_costs_no_row(
    tmp_path: Path, crash: Crash, share: float
) -> None:
    _, wal = copied(crash, tmp_path)
    wal.write_bytes(wal.read_bytes()[: int(wal.stat().st_size * share)])
    assert check_mended(tmp_path, crash)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_write_ahead_log_with_flipped_bytes_costs_no_row(
    tmp_path: Path, crash: Crash, share: float
) -> None:
    _, wal = copied(crash, tmp_path)
    flip(wal, share)
    assert check_mended(tmp_path, crash)


@pytest.mark.parametrize(
    "share", [0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999]
)
def test_a_database_with_flipped_bytes_costs_no_row(
    tmp_path: Path, crash: Crash, share: float
) -> None:
    database, _ = copied(crash, tmp_path)
    flip(database, share)
    check_mended(tmp_path, crash)


def flip(path: Path, share: float) -> None:
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    for i in range(at, min(at + 16, len(data))):
        # Each byte another way: DuckDB's checksum is an XOR over words of 8 bytes, and the same
        # change in two equal words leaves it as it was.
        data[i] ^= 1 + i % 255
    path.write_bytes(data)


def garbage(database: Path) -> None:
    database.write_bytes(b"no database" * 1000)


def empty(database: Path) -> None:
    database.write_bytes(b"")


def half(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])


def missing(database: Path) -> None:
    database.unlink()


@pytest.mark.parametrize("damage", [garbage, empty, half, missing])
@pytest.mark.parametrize("with_wal", [True, False])
def test_a_database_that_is_none_is_rebuilt_from_the_journal(
    tmp_path: Path, crash: Crash, damage: Callable[[Path], None], with_wal: bool
) -> None:
    database, wal = copied(crash, tmp_path)
    damage(database)
    if not with_wal:
        wal.unlink()
    mended = check_mended(tmp_path, crash)
    assert any(f"{ROWS} rows were brought into the database" in words for words in mended)


def test_what_did_not_open_is_kept(tmp_path: Path, crash: Crash) -> None:
    database, wal = copied(crash, tmp_path)
    garbage(database)
    wal.write_bytes(b"no log either")
    mended = check_mended(tmp_path, crash)
    kept = sorted((tmp_path / "set-aside").iterdir())
    assert [path.name.partition("-")[2] for path in kept] == [
        "log.duckdb",
        "log.duckdb.wal",
    ] or len(kept) == 2
    assert all(any(str(path) in words for words in mended) for path in kept)
    assert {path.read_bytes()[:11] for path in kept} == {b"no database", b"no log eith"}


def test_a_database_that_a_newer_version_has_changed_is_refused_and_left_alone(
    tmp_path: Path, crash: Crash
) -> None:
    database, _ = copied(crash, tmp_path)
    with duckdb.connect(str(database)) as log:
        log.execute("INSERT INTO migrations VALUES ('x999_from_the_future', now()::TIMESTAMP)")
    for _ in range(2):
        with pytest.raises(StoreError, match="newer version") as refused:
            open_ledger(tmp_path)
        assert "x999_from_the_future" in refused.value.message
    assert not (tmp_path / "set-aside").exists()


def test_a_database_that_another_process_holds_is_refused_and_left_alone(
    tmp_path: Path, crash: Crash
) -> None:
    database, _ = copied(crash, tmp_path)
    program = (
        f"import duckdb, sys; log = duckdb.connect({str(database)!r}); print(1, "
        "flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(StoreError, match="cannot be opened") as refused:
            open_ledger(tmp_path)
        assert "close the other program" in refused.value.hint
        holder.communicate()
    assert not (tmp_path / "set-aside").exists()
    check_mended(tmp_path, crash)
