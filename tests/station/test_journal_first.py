"""A row is safe once it is in the journal: the line is told then, and the database takes the row
over when it can.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from qc_edge.store.log import log_database
from qc_edge.store.log.chain import Link
from qc_edge.store.log.insert import insert
from tests.station.audit import audit
from tests.station.harness import (
    Running,
    drop,
    inspect_all,
    lines,
    make_station,
    part,
    running,
    spooled,
)
from tests.station.twins import Plan, dependencies


def holds_an_inspection(links: Sequence[Link]) -> bool:
    return any(link.table == "inspections" for link in links)


def test_no_part_waits_for_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, go = tmp_path / "told", threading.Event()

    def slow(writer: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> None:
        assert not holds_an_inspection(links) or go.wait(30), "the line was never told"
        insert(writer, links)

    monkeypatch.setattr(log_database, "insert", slow)
    paths = make_station(tmp_path)
    with running(paths, dependencies(Plan(announced=str(told)))) as station:
        drop(paths, "1.png", part())
        station.wait_for(lambda: told.exists() and lines(told), "the part is announced")
        station.wait_for(lambda: not spooled(paths), "its frame has left the spool")
        go.set()
    assert len(audit(paths, told).inspections) == 1


def test_what_the_database_has_no_room_for_was_told_once_and_is_not_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    monkeypatch.setattr(log_database, "insert", refusing("No space left on device"))
    paths = make_station(tmp_path)
    with running(paths, dependencies(Plan(announced=str(told)))) as station:
        drop(paths, "1.png", part())
        station.wait_for_status(
            lambda status: "HOLD: disk" in status.line(), "it says that it holds"
        )
        drop(paths, "2.png", part(seed=2))
        station.wait_until_inspected(2)
    log = audit(paths, told)
    assert len(log.inspections) == len(lines(told)) == 2
    assert not log.events_of("announcement_unknown")


def test_a_database_that_refuses_ends_the_station_and_the_next_start_has_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    monkeypatch.setattr(log_database, "insert", refusing("it is broken"))
    paths = make_station(tmp_path)
    station = Running(paths.root, dependencies(Plan(announced=str(told))))
    drop(paths, "1.png", part())
    assert "it is broken" in str(station.wait_until_ended())
    inspect_all(paths, dependencies(Plan(announced=str(told))))
    log = audit(paths, told)
    assert len(log.inspections) == len(lines(told)) == 1
    assert not log.events_of("announcement_unknown")


def refusing(words: str) -> Callable[[duckdb.DuckDBPyConnection, Sequence[Link]], None]:
    """`insert`, but for the first inspection."""
    refusals = iter([words])

    def insert_or_refuse(writer: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> None:
        if holds_an_inspection(links) and (refusal := next(refusals, None)):
            raise duckdb.IOException(refusal)
        insert(writer, links)

    return insert_or_refuse
