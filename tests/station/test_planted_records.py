"""Records of changeovers that the page may write: what is none is refused, and never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qc_edge.domain.activation import Changeover
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import RecipeError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.records import changeovers
from qc_edge.records.record_file import file_digest
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.event_log import StationEventLog
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool
from tests.station.planted import plant

RECORD = "20261128T000000000000Z"


def test_pipes_links_and_names_that_are_no_text_are_refused_as_changeovers(tmp_path: Path) -> None:
    planted = plant(tmp_path, ".toml")
    for path in planted:
        with pytest.raises(RecipeError) as refused:
            changeovers.pending(tmp_path, path.stem)
        assert str(refused.value).encode()
    assert len(changeovers.load_recent(tmp_path)[1]) == len(planted)
    assert file_digest(planted[0]) == ""
    for path in planted:
        changeovers.set_aside(tmp_path, path.stem, tmp_path / "aside")
    assert [path.name for path in tmp_path.iterdir()] == ["aside"]


def test_a_pipe_is_no_outcome_of_a_changeover(tmp_path: Path) -> None:
    record = Changeover(RECORD, "one", "a@1", "", "station", "", utc_now(), "anna", "next lot")
    changeovers.write(tmp_path, record)
    os.mkfifo(tmp_path / f"{RECORD}.json")
    with pytest.raises(RecipeError, match="cannot read what became of the changeover"):
        changeovers.load(tmp_path)


def test_an_event_about_a_name_that_is_no_text_gets_its_row(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "one")
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    clock = FrameClock(paths.state / "frame-clock")
    events = StationEventLog("one", clock, Spool(paths, Disk()), ledger)
    events.report(Occurrence(EventKind.RECIPE_REFUSED, os.fsdecode(b"\xff.toml")))
    ledger.close()
    assert [row["detail"] for row in newest_rows(paths.journal)] == [r"\udcff.toml"]
