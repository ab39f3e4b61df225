"""Recipes that a line asks for by number: what of it is on record."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.events import EventKind
from qc_edge.output.recipe_requests import RecipeRequest, RecipeRequests
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
