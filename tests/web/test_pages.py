"""What the pages show of a station that has inspected five parts."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
from fastapi.testclient import TestClient

from qc_edge.query.evidence import find
from qc_edge.query.inspection_search import newest
from qc_edge.settings import StationPaths
from qc_edge.web.pages import picture
from qc_edge.web.station_page import StationPage
from tests.web.conftest import MARKUP
from tests.web.harness import browser


def tiles(text: str) -> list[str]:
    """The ids of the parts that a page shows as tiles."""
    return re.findall(r'<span class="id">([^<]*)</span>', text)


def test_live_shows_the_last_parts_first_and_why(client: TestClient) -> None:
    shown = client.get("/live").text
    assert tiles(shown)[1:] == ["A-4", "A-3", "A-2", "A-1"]
    assert "defect found" in shown
    assert "NOT RUNNING" in shown, "its status is of a station that has stopped"


def test_an_id_with_markup_is_text_wherever_it_stands(client: TestClient) -> None:
    for path in ("/live", "/part", "/part?part=*onmouse*", f"/part?lot={MARKUP}"):
        shown = client.get(path).text
        assert "<b onmouseover" not in shown, path
        assert "&lt;b onmouseover" in shown, path
    story = client.get("/part/story", params={"id": MARKUP})
    assert story.status_code == 200
    assert "<b onmouseover" not in story.text
    report = client.get("/part/report", params={"id": MARKUP})
    assert "<b onmouseover" not in report.text
    assert "sandbox" in report.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"part": "A-2"}, ["A-2"]),
        ({"part": "A-*", "lot": "L1"}, ["A-4", "A-2"]),
        ({"part": "A-_"}, []),
        ({"part": "%"}, []),
        ({"part": "'; DROP TABLE inspections; --"}, []),
        ({"part": "A-*", "disposition": "REJECT"}, ["A-3"]),
    ],
)
def test_parts_are_found_by_id_lot_and_decision(
    client: TestClient, asked: dict[str, str], found: list[str]
) -> None:
    assert tiles(client.get("/part", params=asked).text) == found


def test_times_are_those_of_the_clocks_at_the_station(client: TestClient) -> None:
    berlin = StationPage.local(client.app.state.page, datetime.now(timezone.utc))  # type: ignore[attr-defined]
    before = (berlin - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    after = (berlin + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    assert len(tiles(client.get("/part", params={"since": before, "until": after}).text)) == 5
    assert tiles(client.get("/part", params={"until": before}).text) == []
    assert "no date and time" in client.get("/part", params={"since": "yesterday"}).text


def test_a_part_tells_its_whole_story(client: TestClient) -> None:
    shown = client.get("/part/story", params={"id": "A-3"}).text
    assert "The record holds." in shown
    assert "at or above the threshold" in shown
    assert "/prepared" in shown
    assert client.get("/part/story", params={"id": "A-9"}).status_code == 400
    assert "by ben: claim 881" not in shown, "its lot is not held"
    assert "by ben: claim 881" in client.get("/part/story", params={"id": "A-4"}).text
    report = client.get("/part/report", params={"id": "A-3"})
    assert "Inspection report" in report.text


def test_pictures_come_by_frame_and_never_by_path(client: TestClient, rested: StationPaths) -> None:
    row = newest(rested.journal, 1)[0]
    small = client.get(f"/picture/{row.frame_id}/frame?size=small")
    assert small.headers["content-type"] == "image/jpeg"
    assert client.get(f"/picture/{row.frame_id}/prepared").content[:2] == b"\xff\xd8"
    nowhen = ("99991231T235959999999Z-x", "00010101T000000000000Z-x")
    for wrong in ("..%2F..%2Fetc%2Fpasswd", "20260101T000000000000Z-top", "x'--", *nowhen):
        assert client.get(f"/picture/{wrong}/frame").status_code == 404, wrong
    assert client.get(f"/picture/{row.frame_id}/secrets").status_code == 400


def test_without_a_login_tiles_are_shown_alone_and_one_that_is_deleted_is_said_to_be_gone(
    rested: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = StationPage(rested)
    page.settings.page.__dict__["live_without_login"] = True
    row = next(each for each in newest(rested.journal, 9) if each.part_id == "A-1")
    assert row.raw_path
    path = find(rested.state, row.raw_path)
    assert path
    kept = path.read_bytes()
    with browser(page) as client:
        for more in ("frame", "frame?size=whole", "prepared?size=small", "map"):
            assert client.get(f"/picture/{row.frame_id}/{more}").status_code == 401, more
        monkeypatch.setattr(picture, "_RECENT", 4)
        assert client.get(f"/picture/{row.frame_id}/frame?size=small").status_code == 401, "older"
        monkeypatch.undo()
        for harm in (path.unlink, lambda: path.write_bytes(b"no image")):
            harm()
            gone = client.get(f"/picture/{row.frame_id}/frame?size=small")
            assert gone.status_code == 404
            assert gone.headers["content-type"].startswith("image/svg")
            assert client.get("/live").status_code == 200
    path.write_bytes(kept)


def test_the_station_page_shows_its_events(client: TestClient) -> None:
    shown = client.get("/station").text
    assert "<td>started</td>" in shown
    assert "the station does not run" in shown


def test_a_browser_is_shown_its_language_and_brightness(client: TestClient) -> None:
    assert "Zuletzt" not in client.get("/live").text
    german = client.get("/live", headers={"accept-language": "de-DE,de;q=0.9"}).text
    assert "Letzte Teile" in german
    client.post("/look", data={"theme": "dark", "language": "de"})
    chosen = client.get("/live").text
    assert '<html lang="de" data-theme="dark">' in chosen


def test_a_status_of_other_software_breaks_no_page(
    client: TestClient, rested: StationPaths
) -> None:
    whole = rested.status.read_bytes()
    try:
        for broken in (b"", b"[]", b"{}", json.dumps({"monotonic_ns": "x"}).encode()):
            rested.status.write_bytes(broken)
            assert client.get("/live").status_code == 200, broken
            assert client.get("/station").status_code == 200, broken
    finally:
        rested.status.write_bytes(whole)


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
