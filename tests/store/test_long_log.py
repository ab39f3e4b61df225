"""A long log: a start reads its end and not all of it, and what it has not read is still found
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.settings import StationPaths
from qc_edge.store.log.database import connect
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.startup_state import read_startup_state
from tests.bench import generate
from tests.store.rows import event, open_ledger

ROWS = 140_000
"""Three row groups of DuckDB, the first two of them all of an earlier day: a day has 16 hours."""

PER_HOUR = 8_000


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated database, to be copied."""
    paths = StationPaths(tmp_path_factory.mktemp("long"), "line1")
    generate.fill(paths, ROWS, PER_HOUR)
    return paths.database


@pytest.fixture
def database(long_log: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copy = tmp_path / "log.duckdb"
    copy.write_bytes(long_log.read_bytes())
    return copy


def slow_way(log: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, int]]:
    """The same figures by going through every row."""
    ((newest,),) = log.execute(
        "SELECT max(id) FROM (SELECT frame_id AS id FROM inspections UNION ALL SELECT gap_id FROM "
        "gaps "
        "UNION ALL SELECT event_id FROM events UNION ALL SELECT label_id FROM labels)"
    ).fetchall()
    counted = log.execute(
        "SELECT camera, arg_max(part_id, chain_seq) FROM inspections "
        "WHERE part_source = 'counter' GROUP BY ALL"
    ).fetchall()
    return newest, {camera: int(part.rpartition("-")[2]) for camera, part in counted}


def test_the_end_of_a_long_log_is_what_going_through_all_of_it_gives(database: Path) -> None:
    with connect(database) as log:
        past = read_startup_state(log)
        assert (past.newest_id, past.part_counters) == slow_way(log)
        assert set(past.part_counters) == {"left", "right"}


def test_a_camera_that_has_long_been_silent_goes_on_counting(database: Path) -> None:
    with connect(database) as log:
        log.execute("UPDATE inspections SET camera = 'old', part_id = 'old-77' WHERE chain_seq = 5")
        assert read_startup_state(log).part_counters["old"] == 77


def test_an_id_from_the_future_far_back_in_the_log_is_the_highest(database: Path) -> None:
    ahead = "20350101T000000000000Z-left"
    with connect(database) as log:
        log.execute("UPDATE inspections SET frame_id = ? WHERE chain_seq = 5", [ahead])
        assert read_startup_state(log).newest_id == ahead == slow_way(log)[0]


def test_an_empty_log_has_nothing_to_go_on_from(tmp_path: Path) -> None:
    with connect(tmp_path / "log.duckdb") as log:
        past = read_startup_state(log)
    assert (past.newest_id, past.part_counters) == (None, {})


def first_block_of(database: Path, column: str) -> int:
    """Where in the file the first values of a column of the inspections stand."""
    with duckdb.connect(str(database), read_only=True) as log:
        ((block,),) = log.execute(
            "SELECT block_id FROM pragma_storage_info('inspections') "
            "WHERE column_name = ? AND row_group_id = 0 AND segment_type = 'VARCHAR' LIMIT 1",
            [column],
        ).fetchall()
    return 3 * 4096 + int(block) * 262_144


@pytest.fixture
def damaged(database: Path) -> Iterator[tuple[Ledger, FrameId]]:
    """A log that is open and holds a block that does not read, among rows that a start does not
    need.
    """
    with connect(database) as log:
        ((frame,),) = log.execute(
            "SELECT frame_id FROM inspections WHERE chain_seq = 10"
        ).fetchall()
    at = first_block_of(database, "frame_id") + 4096
    with database.open("r+b") as file:
        file.seek(at)
        flipped = bytes(byte ^ 0xA5 for byte in file.read(64))
        file.seek(at)
        file.write(flipped)
    ledger = open_ledger(database.parent)
    yield ledger, frame
    ledger.close()


def test_damage_that_a_start_did_not_read_is_mended_by_the_next_one(
    damaged: tuple[Ledger, FrameId], tmp_path: Path
) -> None:
    ledger, frame = damaged
    assert ledger.repairs == []
    with pytest.raises(StoreError, match="the database refused"):
        ledger.recorded_ids([frame])
    ledger.close()
    again = open_ledger(tmp_path)
    assert "log.duckdb did not open" in " ".join(again.repairs)
    again.commit([event(1)], event(1).recorded_at)
    assert again.recorded_ids([frame]) == set()
    again.close()
    third = open_ledger(tmp_path)
    assert third.repairs == []
    third.close()


def test_a_doubt_that_turns_out_to_be_none_costs_nothing_but_time(
    database: Path, tmp_path: Path
) -> None:
    doubt = Path(f"{database}.doubt")
    doubt.touch()
    ledger = open_ledger(tmp_path)
    assert ledger.repairs == []
    assert ledger.startup_state.part_counters
    ledger.close()
    assert not doubt.exists()
