"""A day that is sealed never changes again, and its manifest says what it was."""

from __future__ import annotations

import json
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest

from qc_edge.errors import StoreError
from qc_edge.publish.seal import file_sha256, read_seal, seal_path, sealed_days
from qc_edge.store.log import checkpoint
from tests.publish.rows import Log, asked, at, event, everything, inspection, log, long_hour

DAY = date(2026, 11, 22)
NEXT = at("2026-11-23 00:05")


def sealed(made: Log) -> None:
    """Two inspections and an event on the day, an event on the next, and the day sealed."""
    made.add(inspection(at("2026-11-22 12:10")), event(at("2026-11-22 12:11")))
    made.add(inspection(at("2026-11-22 23:59:59")), event(at("2026-11-23 00:01")))
    made.publisher.publish()
    assert made.publisher.due(NEXT) == [DAY]
    made.publisher.seal(DAY, NEXT)


def test_only_days_that_are_over_are_due(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 12:10")))
        made.publisher.publish()
        assert made.publisher.due(at("2026-11-22 23:59:59")) == []
        assert made.publisher.due(at("2026-11-23 00:00:00")) == [DAY]


def test_a_day_that_a_clock_in_the_future_has_made_is_due_once_the_clock_is_known(
    tmp_path: Path,
) -> None:
    """Else its rows would never be sealed, and never go upstream."""
    with log(tmp_path) as made:
        made.add(event(at("2099-03-01 10:00")), event(at("2026-11-22 12:10")))
        made.publisher.publish()
        assert made.publisher.due(NEXT) == [DAY]
        assert made.publisher.due(NEXT, NEXT) == [DAY, date(2099, 3, 1)]
        made.publisher.seal(date(2099, 3, 1), NEXT)
        made.add(event(at("2026-11-23 00:06")))
        made.publisher.publish()
        assert made.publisher.due(NEXT, NEXT) == [DAY]
        everything(made)


def test_the_manifest_has_every_file_with_its_digest_and_the_end_of_the_chain(
    tmp_path: Path,
) -> None:
    with log(tmp_path) as made:
        sealed(made)
        seal = read_seal(made.published, DAY)
        assert (seal.rows, seal.first_seq, seal.last_seq) == (3, 1, 3)
        found = {
            path.relative_to(made.published).as_posix()
            for path in made.published.glob(f"*/date={DAY}/*")
        }
        assert {file.path for file in seal.files} == found
        for file in seal.files:
            path = made.published / file.path
            assert (file.bytes, file.sha256) == (path.stat().st_size, file_sha256(path))
        last = str(made.file("2026-11-22 23", "inspections"))
        ((last_hash,),) = asked(
            "SELECT chain_hash FROM read_parquet(?) ORDER BY chain_seq DESC LIMIT 1", last
        )
        assert seal.last_hash == last_hash
        assert sealed_days(made.published) == {DAY}
        assert made.publisher.due(NEXT) == []


def test_nobody_may_write_the_files_of_a_sealed_day(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        for path in (made.file("2026-11-22 12"), seal_path(made.published, DAY)):
            assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_a_row_of_a_sealed_day_is_recorded_at_the_first_moment_after_it(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        made.add(event(at("2026-11-22 18:00")))
        made.publisher.publish()
        everything(made)
        path = str(made.file("2026-11-23 00"))
        (newest,) = asked(
            "SELECT recorded_at FROM read_parquet(?) ORDER BY chain_seq DESC LIMIT 1", path
        )
        assert newest == (at("2026-11-23 00:00").replace(tzinfo=None),)
        assert read_seal(made.published, DAY).rows == 3


def test_a_restart_under_a_clock_set_back_keeps_a_sealed_day_closed(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        digest = file_sha256(made.file("2026-11-22 12"))
    with log(tmp_path, compared=at("2026-11-22 12:30")) as made:
        made.add(event(at("2026-11-22 12:30")))
        made.publisher.publish()
        everything(made)
        assert file_sha256(made.file("2026-11-22 12")) == digest


def test_two_sealed_days_in_a_row_are_both_closed(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        made.publisher.seal(date(2026, 11, 23), NEXT + timedelta(days=1))
        made.add(event(at("2026-11-22 18:00")))
        made.publisher.publish()
        assert made.file("2026-11-24 00").exists()
        everything(made)


def test_what_was_not_published_yet_is_in_the_seal(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 12:10")))
        made.publisher.publish()
        made.add(event(at("2026-11-22 12:11")))
        seal, _ = made.publisher.seal(DAY, NEXT)
        assert seal.rows == 2


def test_a_long_hour_has_the_same_bytes_however_the_log_was_checkpointed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_WAL_BYTES", 1)
    with log(tmp_path) as made:
        long_hour(made)
        seal, _ = made.publisher.seal(DAY, NEXT)
        file = made.file("2026-11-22 12")
        ((groups,),) = asked("SELECT num_row_groups FROM parquet_file_metadata(?)", str(file))
        assert groups > 1
    file.unlink()
    (tmp_path / "t.duckdb").unlink()
    with log(tmp_path) as again:
        assert again.shown() == list(range(1, 10_011))
        digests = {each.path: each.sha256 for each in seal.files}
        assert file_sha256(file) == digests[file.relative_to(again.published).as_posix()]


def test_a_deleted_file_of_a_sealed_day_comes_back_byte_for_byte(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        file = made.file("2026-11-22 12", "inspections")
        before = file.read_bytes()
        file.unlink()
        made.publisher.compare(NEXT)
        assert file.read_bytes() == before
        ((kind, words),) = [each for each in made.findings if each[0] != "sealed"]
        assert kind == "published_mended"
        assert words.startswith("inspections/date=2026-11-22/hour=12.parquet had been deleted")
        assert words.endswith("byte for byte as it was sealed")


def test_a_sealed_file_that_was_changed_is_not_written_over(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        file = made.file("2026-11-22 12", "inspections")
        file.chmod(0o640)
        file.write_bytes(b"evidence of a crime")
        made.publisher.compare(NEXT)
        assert file.read_bytes() == b"evidence of a crime"


def test_a_seal_that_does_not_read_is_reported(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        sealed(made)
        path = seal_path(made.published, DAY)
        path.chmod(0o640)
        path.write_text(json.dumps({"format": 99}))
        with pytest.raises(StoreError, match="never edited"):
            read_seal(made.published, DAY)
