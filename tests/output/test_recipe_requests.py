"""Recipes that a line asks for by number: what of it is on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.domain.activation import Changeover
from qc_edge.domain.events import EventKind
from qc_edge.domain.threshold import record_id
from qc_edge.output import recipe_requests
from qc_edge.output.recipe_requests import RecipeRequest, RecipeRequests
from qc_edge.records import changeovers
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests.event_log import MemoryEventLog


def test_a_line_that_toggles_the_recipe_is_one_event_and_hears_of_its_newest_wish(
    tmp_path: Path,
) -> None:
    events, refused = MemoryEventLog(), list[int]()
    requests = RecipeRequests(StationPaths(tmp_path, "line1"), events)
    for _ in range(2):
        for number in (3, 4) * 20:
            requests.ask(RecipeRequest("plc", number, may_ask=False, refuse=refused.append))
        requests.look(in_force=1)
    assert refused == [4, 4]
    assert [each.kind for each in events.occurrences] == [EventKind.RECIPE_REFUSED]


def test_an_outcome_that_somebody_has_damaged_ends_no_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = StationPaths(tmp_path, "line1")
    at = utc_now()
    record = Changeover(record_id(at), "line1", "lids@1", "", "station", "", at, "plc", "asked")
    changeovers.write(paths.changeovers, record)
    monkeypatch.setattr(recipe_requests, "request_changeover", lambda *_: record)
    refused = list[int]()
    requests = RecipeRequests(paths, MemoryEventLog())
    requests.ask(RecipeRequest("plc", 1, may_ask=True, refuse=refused.append))
    requests.look(in_force=0)
    (paths.changeovers / f"{record.record_id}.json").write_text("{")
    requests.look(in_force=0)
    assert not refused
