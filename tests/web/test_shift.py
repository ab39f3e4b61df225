"""The report of a shift on the page: chosen, shown, kept."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from fastapi.testclient import TestClient

from qc_edge.settings import StationPaths
from qc_edge.web.station_page import StationPage
from tests.web.harness import browser


def test_the_day_that_runs_is_shown_with_its_report(client: TestClient) -> None:
    shown = client.get("/shift", params={"day": "now"})
    assert "It is not over" in shown.text
    assert "frame-src 'self'" in shown.headers["content-security-policy"]
    inner = re.search(r'<iframe class="report" src="([^"]+)"', shown.text)
    assert inner
    report = client.get(inner[1].replace("&amp;", "&"))
    assert "5 of 5 judged" not in report.text and "1 of 5 judged" in report.text
    assert "frame-ancestors 'self'; sandbox" in report.headers["content-security-policy"]


@pytest.mark.parametrize("kind", ["html", "xlsx", "zip"])
def test_a_report_is_kept_as_a_file(client: TestClient, kind: str) -> None:
    kept = client.get("/shift/report", params={"day": "now", "kind": kind, "keep": "true"})
    name = f'attachment; filename="line1-{r"[0-9-]{10}"}-day.{kind}"'
    assert re.fullmatch(name, kept.headers["content-disposition"])
    if kind == "zip":
        assert "worst.csv" in zipfile.ZipFile(io.BytesIO(kept.content)).namelist()
    assert client.get("/shift/report", params={"day": "now", "kind": "exe"}).status_code == 400


def test_what_is_no_shift_is_said_and_the_last_one_shown(client: TestClient) -> None:
    shown = client.get("/shift", params={"day": "2026-11-26", "shift": "<noon>"})
    assert shown.status_code == 200
    assert "no shift" in shown.text and "<noon>" not in shown.text
    assert client.get("/shift/report", params={"day": "soon"}).status_code == 400


def test_only_people_who_are_logged_in_see_it(rested: StationPaths) -> None:
    with browser(StationPage(rested)) as stranger:
        for path in ("/shift", "/shift/report"):
            assert stranger.get(path).status_code == 303
