"""The journal is what counts: torn ends, damaged lines, clocks that step back, commits that
fail.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Gap
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.store.log import chain
from tests.station.twins import Cues, Fault, FaultyDisk
from tests.store.rows import NOW, content, event, fill, gap, open_ledger


def only_file(state: Path) -> Path:
    (file,) = (state / "journal").iterdir()
    return file


def check_agreement(state: Path, rows: int) -> None:
    """Journal and database hold the same `rows` rows, in one unbroken chain."""
    ledger = open_ledger(state)
    found = content(ledger)
    ledger.close()
    lines = [
        line.split("\t", 2)
        for path in sorted((state / "journal").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert [(seq, sha256) for seq, sha256, _ in lines] == [(str(row[0]), row[1]) for row in found]
    assert [int(seq) for seq, _, _ in lines] == list(range(1, rows + 1))
    previous = chain.GENESIS
    for seq, sha256, text in lines:
        assert sha256 == chain.chain_hash(previous, int(seq), text)
        previous = sha256


def test_journal_and_database_agree(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 50)
    ledger.close()
    check_agreement(tmp_path, 50)


@pytest.mark.parametrize(
    "torn", [b"x", b"\0" * 5000, b'21\tabc\t{"table":"events","eve', b"\n", b"21\t\t\n", b"\xff\n"]
)
def test_a_torn_end_is_cut_off_and_reported(tmp_path: Path, torn: bytes) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 20)
    ledger.close()
    file = only_file(tmp_path)
    whole = file.read_bytes()
    with file.open("ab") as journal:
        journal.write(torn)
    ledger = open_ledger(tmp_path)
    assert any(f"{len(torn)} torn bytes" in words for words in ledger.repairs)
    assert file.read_bytes() == whole
    fill(ledger, 3, first=100)
    ledger.close()
    check_agreement(tmp_path, 23)


def test_rows_that_only_the_journal_has_are_brought_into_the_database(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 12)
    expected = content(ledger)
    ledger.close()
    (tmp_path / "log.duckdb").unlink()
    ledger = open_ledger(tmp_path)
    assert ledger.repairs == ["12 rows were brought into the database from the journal"]
    assert content(ledger) == expected
    ledger.close()
    check_agreement(tmp_path, 12)


def test_a_damaged_line_is_left_out_and_said_and_the_rest_is_brought_in(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 12)
    ledger.close()
    file = only_file(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4][:30] + b"#" * 40 + b"\n"
    file.write_bytes(b"".join(lines))
    (tmp_path / "log.duckdb").unlink()
    ledger = open_ledger(tmp_path)
    assert [row[0] for row in content(ledger)] == [1, 2, 3, 4, *range(6, 13)]
    assert any("line 5 is damaged" in words for words in ledger.repairs)
    assert any("line 6 does not follow" in words for words in ledger.repairs)
    ledger.close()
    again = open_ledger(tmp_path)
    assert again.repairs == []
    again.close()


def test_a_changed_line_is_said_when_the_database_is_made_from_it(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 6)
    ledger.close()
    file = only_file(tmp_path)
    file.write_bytes(file.read_bytes().replace(b'"lost":1', b'"lost":0', 1))
    (tmp_path / "log.duckdb").unlink()
    ledger = open_ledger(tmp_path)
    assert any("does not follow" in words for words in ledger.repairs)
    ledger.close()


def test_a_clock_that_steps_back_over_the_hour_breaks_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    fill(ledger, 5)
    fill(ledger, 15, first=100, at=NOW + timedelta(hours=1))
    fill(ledger, 10, first=200, at=NOW - timedelta(hours=1))
    ledger.close()
    ledger = open_ledger(tmp_path)
    fill(ledger, 5, first=300, at=NOW - timedelta(hours=1))
    expected = content(ledger)
    ledger.close()
    check_agreement(tmp_path, 35)
    (tmp_path / "log.duckdb").unlink()
    ledger = open_ledger(tmp_path)
    assert content(ledger) == expected
    assert ledger.repairs == ["35 rows were brought into the database from the journal"]
    ledger.close()


def test_a_batch_of_any_kinds_and_sizes_is_one_transaction(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    for size in (1, 2, 4, 5, 9, 40):
        ledger.commit([*(event(size * 100 + i) for i in range(size)), gap(size * 100)], NOW)
    assert len(content(ledger)) == 61 + 6
    ledger.close()
    check_agreement(tmp_path, 67)


@pytest.mark.parametrize("step", ["append before", "append half"])
@pytest.mark.parametrize(("act", "kind"), [("ENOSPC", DiskFullError), ("EIO", StoreError)])
def test_a_commit_that_the_disk_refuses_leaves_no_trace(
    tmp_path: Path, step: str, act: str, kind: type[StoreError]
) -> None:
    ledger = open_ledger(tmp_path, FaultyDisk(Cues([Fault(step, nth=3, act=act)])))
    ledger.commit([event(1)], NOW)
    ledger.commit([event(2)], NOW)
    with pytest.raises(kind):
        ledger.commit([event(3), gap(3)], NOW)
    ledger.commit([event(4)], NOW)
    ledger.close()
    check_agreement(tmp_path, 3)


@pytest.mark.parametrize("step", ["append half", "append after"])
@pytest.mark.parametrize("lost", [False, True], ids=["database whole", "database lost"])
def test_a_refused_commit_that_could_not_be_cut_off_at_once_leaves_no_trace_either(
    tmp_path: Path, step: str, lost: bool
) -> None:
    faults = [Fault(step, nth=2, act="EIO"), Fault("truncate before", act="EIO")]
    ledger = open_ledger(tmp_path, FaultyDisk(Cues(faults)))
    ledger.commit([event(1)], NOW)
    with pytest.raises(StoreError):
        ledger.commit([event(2), gap(2)], NOW)
    if lost:
        ledger._database.connection.close()
        ledger._database.is_behind = True  # the next commit reads the journal again
    ledger.commit([event(3)], NOW + timedelta(hours=1))
    ledger.close()
    check_agreement(tmp_path, 2)


def test_a_journal_whose_name_was_not_made_durable_is_not_trusted_with_rows(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk(Cues([Fault("sync before", act="EIO")]))
    ledger = open_ledger(tmp_path, disk)
    with pytest.raises(StoreError):
        ledger.commit([event(1)], NOW)
    ledger.commit([event(2)], NOW)
    assert disk.cues.seen["sync before"] == 2, "the directory was synced before the first row"
    ledger.close()
    check_agreement(tmp_path, 1)


def test_a_commit_that_the_database_refuses_stands_in_the_journal_and_leaves_no_hole(
    tmp_path: Path,
) -> None:
    ledger = open_ledger(tmp_path)
    ledger.commit([event(1)], NOW)
    ledger._database.connection.close()
    with pytest.raises(StoreError, match="the database refused"):
        ledger.commit([event(2), gap(2)], NOW)
    ledger.commit([event(3)], NOW)
    rows: list[Event | Gap] = [event(1), event(2), gap(2), event(3)]
    ids = {row.gap_id if isinstance(row, Gap) else row.event_id for row in rows}
    assert ledger.recorded_ids([*ids, gap(9).gap_id]) == ids
    ledger.close()
    check_agreement(tmp_path, 4)


def test_what_was_appended_is_in_the_database_after_a_crash(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.commit([event(1)], NOW)
    ledger.append([event(2), gap(2)], NOW)
    assert len(content(ledger)) == 1
    ledger.close()
    ledger = open_ledger(tmp_path)
    assert ledger.repairs == ["2 rows were brought into the database from the journal"]
    assert len(content(ledger)) == 3
    ledger.close()
    check_agreement(tmp_path, 3)


def test_the_rows_of_one_thread_come_into_the_database_before_those_of_another(
    tmp_path: Path,
) -> None:
    ledger = open_ledger(tmp_path)
    ledger.append([event(1)], NOW)
    ledger.commit([event(2)], NOW)
    assert len(content(ledger)) == 2
    ledger.append([event(3)], NOW)
    assert ledger.recorded_ids([event(3).event_id]) == {event(3).event_id}, "an append counts"
    ledger.apply()
    ledger.close()
    check_agreement(tmp_path, 3)


def test_an_append_that_the_database_refuses_stands_and_leaves_no_hole(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.append([event(1)], NOW)
    ledger._database.connection.close()
    with pytest.raises(StoreError, match="the database refused"):
        ledger.apply()
    ledger.apply()
    ledger.append([event(2)], NOW)
    ledger.apply()
    ledger.close()
    check_agreement(tmp_path, 2)
