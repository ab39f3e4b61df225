"""The first steps: found done by what the station has, and the next one is said."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi.testclient import TestClient

from qc_edge.settings import StationPaths
from qc_edge.web.start.steps import steps
from qc_edge.web.station_page import StationPage
from tests.web.harness import add_user, browser, log_in, station_page


def test_a_new_station_is_told_to_start_and_nothing_is_done(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    assert [each.name for each in steps(page) if each.is_done] == []
    add_user(page)
    with browser(page) as client:
        log_in(client)
        shown = client.get("/start").text
        assert "systemctl enable --now qc-edge@line1" in shown
        assert re.search(r'aria-current="step">.*?The station runs', shown, re.DOTALL)
        assert 'href="/start"' in client.get("/live").text


def test_what_a_station_has_done_is_found(client: TestClient, rested: StationPaths) -> None:
    found = {each.name: each for each in steps(StationPage(rested))}
    assert not found["runs"].is_done, "it rests"
    assert found["delivers"].is_done
    assert found["delivers"].found == "incoming"
    assert not found["calibrated"].is_done, "it has the bounds that a station starts with"
    assert found["calibrated"].link == "/aim/calibrate?camera=incoming"
    assert found["verdict"].is_done
    shown = client.get("/start").text
    assert "/aim/calibrate?camera=incoming" in shown
    assert "The station runs" in shown
