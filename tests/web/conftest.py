"""A station that has inspected a few parts and rests; one for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from qc_edge.domain.evidence.hold_entry import HoldScope
from qc_edge.labels.holds import HoldRequest, hold
from qc_edge.settings import StationPaths
from qc_edge.web.station_page import StationPage
from tests.station.harness import BAD, GOOD, drop, make_station, part, running
from tests.web.harness import add_user, browser, log_in

MARKUP = '<b onmouseover="alert(1)">&amp;'
"""A part's id that a browser must show and never read."""


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Parts A-1 to A-4, of which A-3 is bad, and one whose id is markup; lot L1 is on hold."""
    paths = make_station(
        tmp_path_factory.mktemp("rested"),
        station={"time_zone": "Europe/Berlin"},
        incoming={"sidecar": "required"},
        review={"audit_share": 1.0},
    )
    with running(paths) as run:
        for number, name in enumerate(("A-1", "A-2", "A-3", "A-4", MARKUP)):
            picture = part(BAD if name == "A-3" else GOOD, seed=number)
            drop(paths, f"{number}.png", picture, {"part_id": name, "lot": f"L{number % 2}"})
        run.wait_until_inspected(5)
        hold(paths, HoldRequest((HoldScope(lot="L1"),), "ben", "claim 881", "complaint"))
        run.wait_for(lambda: not list(paths.holds.glob("*.json")), "the hold is taken up")
    return paths


@pytest.fixture
def client(rested: StationPaths) -> Iterator[TestClient]:
    """Anna's browser, logged in, on the page of that station."""
    page = StationPage(rested)
    add_user(page)
    with browser(page) as client:
        assert log_in(client) == 303
        yield client
