"""Every row is published once, in the hour in which it was recorded, whatever the clock and the
disk do.
"""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.store.durable import Disk
from qc_edge.store.log import checkpoint
from qc_edge.store.log.chain import CHAIN
from tests.publish.rows import (
    NOON,
    Log,
    asked,
    at,
    event,
    everything,
    gap,
    inspection,
    label,
    log,
    long_hour,
)


def test_a_row_is_in_the_file_of_the_hour_in_which_it_was_recorded(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 13:59:59.999999")), event(at("2026-11-22 14:00:00")))
        assert made.publisher.publish() == 2
        assert made.file("2026-11-22 13").exists()
        assert made.file("2026-11-22 14").exists()
        assert made.shown() == [1, 2]


def test_the_next_day_begins_its_own_folder(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 23:59:59.900")), event(at("2026-11-23 00:00:00.100")))
        made.publisher.publish()
        assert made.file("2026-11-23 00").exists()
        assert made.shown() == [1, 2]


def test_a_file_is_written_again_only_when_it_has_new_rows(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON), inspection(NOON))
        assert made.publisher.publish() == 2
        before = made.file("2026-11-22 12").stat().st_mtime_ns
        assert made.publisher.publish() == 0
        made.add(inspection(NOON))
        assert made.publisher.publish() == 1
        assert made.file("2026-11-22 12").stat().st_mtime_ns == before
        everything(made)


def test_a_long_hour_stands_in_the_order_of_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing sorts it: DuckDB gives rows as they were added, also from a database that was made
    anew.
    """
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    with log(tmp_path) as made:
        long_hour(made)
        made.publisher.publish()
        assert made.shown() == list(range(1, 10_011))
        database, file = made.state / "t.duckdb", made.file("2026-11-22 12")
        ((groups,),) = asked("SELECT num_row_groups FROM parquet_file_metadata(?)", str(file))
        assert groups > 1
    database.unlink()
    file.unlink()
    with log(tmp_path) as again:
        assert again.shown() == list(range(1, 10_011))


def test_every_table_has_a_file_before_it_has_a_row(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        assert {table: made.shown(table) for table in COLUMNS} == {table: [] for table in COLUMNS}


def test_columns_stand_in_one_order_with_the_chain_last(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        for table, names in COLUMNS.items():
            found = duckdb.read_parquet(
                f"{made.published}/{table}/*/*.parquet", hive_partitioning=False
            )
            assert tuple(found.columns) == (*names, *CHAIN)


def test_values_come_back_as_they_were_recorded(tmp_path: Path) -> None:
    row = inspection(
        at("2026-11-22 12:00:00.123456"), 0.123456789012345, lot="ü'\"\n,;", original_name=None
    )
    with log(tmp_path) as made:
        made.add(row)
        made.publisher.publish()
        path = str(made.file("2026-11-22 12", "inspections"))
        found = asked(
            "SELECT recorded_at, score, lot, original_name, verdict FROM read_parquet(?)", path
        )
        assert found == [(row.recorded_at.replace(tzinfo=None), row.score, row.lot, None, "PASS")]


def test_after_a_stop_the_hours_that_lag_behind_are_published(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 12:10")))
        made.publisher.publish()
        made.add(
            event(at("2026-11-22 12:20")),
            event(at("2026-11-22 13:00")),
            gap(at("2026-11-22 13:00")),
        )
    with log(tmp_path, compared=at("2026-11-22 18:00")) as made:
        everything(made)
        assert not made.findings
        made.add(event(at("2026-11-22 18:00")))
        made.publisher.publish()
        everything(made)


def test_a_clock_that_steps_back_sends_rows_into_the_hour_that_it_says(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 14:00")))
        made.publisher.publish()
        made.add(event(at("2026-11-22 12:30")), event(at("2026-11-22 14:10")))
        made.publisher.publish()
        assert sorted(made.shown()) == [1, 2, 3]
        everything(made)


def test_a_deleted_file_is_published_again_and_reported(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 12:10")), event(at("2026-11-22 13:10")))
        made.publisher.publish()
        made.file("2026-11-22 12").unlink()
        assert made.publisher.compare(NOON) == 1
        everything(made)
        assert [kind for kind, _ in made.findings] == ["published_mended"]
        assert "events/date=2026-11-22/hour=12.parquet had been deleted" in made.findings[0][1]


def test_a_deleted_directory_is_published_again(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON))
        made.publisher.publish()
        for table in ("events", "labels"):
            for path in made.published.glob(f"{table}/*/*"):
                path.unlink()
        made.publisher.compare(NOON)
        everything(made)


def test_a_truncated_file_is_published_again_and_reported(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON))
        made.publisher.publish()
    file = made.file("2026-11-22 12")
    file.write_bytes(file.read_bytes()[:-20])
    with log(tmp_path) as made:
        everything(made)
        assert made.findings[0][0] == "published_mended"
        assert "did not read" in made.findings[0][1]


def test_a_file_with_more_rows_than_the_database_is_left_alone(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON), event(NOON))
        made.publisher.publish()
    for name in ("t.duckdb", "journal/2026-11-22T12.jsonl"):
        (tmp_path / name).unlink()
    with log(tmp_path) as made:
        assert made.shown() == [1, 2]
        made.add(event(NOON))
        made.publisher.publish()
        assert made.shown() == [1, 2]
        assert [kind for kind, _ in made.findings] == ["published_ahead"]


def test_what_a_dead_publisher_left_half_written_is_cleared(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        torn = made.published / ".tmp/events-date=2026-11-22-hour=12.parquet"
        torn.write_bytes(b"PAR1")
        made.publisher.compare(NOON)
        assert not torn.exists()


class RefusingDisk(Disk):
    """Refuses to place files while `full`."""

    full = False

    def move_into_place(self, temporary: Path, path: Path) -> None:
        """No room."""
        if self.full:
            temporary.unlink()
            raise DiskFullError("no space left")
        super().move_into_place(temporary, path)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk = RefusingDisk()
    with log(tmp_path, disk) as made:
        made.add(event(at("2026-11-22 12:10")))
        disk.full = True
        with pytest.raises(DiskFullError):
            made.publisher.publish()
        made.add(event(at("2026-11-22 13:10")))
        disk.full = False
        made.publisher.publish()
        everything(made)


def test_the_database_is_opened_again_while_somebody_reads(tmp_path: Path) -> None:
    """A commit that failed ends what reads: two instances of DuckDB must not hold one file."""
    with log(tmp_path) as made:
        made.add(*(event(NOON) for _ in range(3)))
        begun = threading.Event()
        ended: list[StoreError] = []

        def read_for_ever() -> None:
            try:
                with made.ledger.snapshot() as reading:
                    begun.set()
                    reading.execute(
                        "SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range < "
                        "b.range"
                    )
            except StoreError as fault:
                ended.append(fault)

        reader = threading.Thread(target=read_for_ever)
        reader.start()
        assert begun.wait(30)
        made.ledger.reopen()
        reader.join(30)
        assert len(ended) == 1
        made.add(event(NOON))
        made.publisher.publish()
        everything(made)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_every_row_is_published_once(tmp_path: Path, seed: int) -> None:
    """Commits, publishing, clock steps, seals, deletions and restarts in any order."""
    chance = random.Random(seed)
    now = at("2026-11-22 22:30")
    for _ in range(2):
        with log(tmp_path, compared=now) as made:
            for _ in range(20):
                now += timedelta(
                    minutes=chance.choice(
                        [0, 0, 1, 7, 40, -50, 24 * 60] if chance.random() < 0.3 else [1]
                    )
                )
                _happen(made, chance, now)
            if chance.random() < 0.5:
                made.publisher.publish()
    with log(tmp_path, compared=now) as made:
        everything(made)
        assert {kind for kind, _ in made.findings} <= {"published_mended"}


def _happen(made: Log, chance: random.Random, now: datetime) -> None:
    what = chance.random()
    if what < 0.6:
        row = inspection(now)
        made.add(row, *([label(now, row, "good")] if chance.random() < 0.3 else [event(now)]))
    elif what < 0.85:
        made.publisher.publish()
    elif what < 0.92:
        for day in made.publisher.due(now):
            made.publisher.seal(day, now)
    else:
        files = sorted(made.published.glob("*/date=*/hour=*.parquet"))
        chance.choice(files).unlink()
        made.publisher.compare(now)
