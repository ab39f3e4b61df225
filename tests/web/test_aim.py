"""Aim: what a person sees of a camera's newest frame, and by which figures they set it up."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from qc_edge.domain.calibration import FOCUS_MIN
from qc_edge.domain.label import PersonRole
from qc_edge.records import calibration_requests as requests
from qc_edge.settings import StationPaths
from qc_edge.settings.view import ViewSettings
from qc_edge.vision.gates import focus
from qc_edge.web.aim.frames import AimFrames
from qc_edge.web.aim.looking import Look, jpeg
from qc_edge.web.station_page import StationPage
from tests.web.harness import add_user, browser, log_in, token


def test_the_newest_frame_comes_with_its_figures_and_their_bounds(
    client: TestClient, rested: StationPaths
) -> None:
    newest = AimFrames(rested).newest("incoming")
    assert newest is not None
    found = client.get("/aim/look", params={"camera": "incoming"}).json()
    assert found["frame"] == newest.frame_id
    assert found["figures"]["focus"] == {
        "value": newest.focus,
        "low": FOCUS_MIN,
        "high": None,
        "within": True,
    }
    assert sum(found["histogram"]) == found["width"] * found["height"]
    assert found["region"] is None
    still = client.get("/aim/look", params={"camera": "incoming", "after": found["seen"]})
    assert still.status_code == 204
    assert client.get("/aim/look", params={"camera": "none"}).status_code == 204


def test_what_is_seen_of_a_frame_is_cut_out_of_its_own_pixels(
    client: TestClient, rested: StationPaths
) -> None:
    frames = AimFrames(rested)
    row = frames.newest("incoming")
    assert row is not None
    gray = frames.gray(row)
    assert gray is not None
    query = {"zoom": "4", "x": "0", "y": "1"}
    found = client.get("/aim/look", params={"camera": "incoming", **query}).json()
    x, y, width, height = found["area"]
    assert (x, y + height) == (0, gray.shape[0])
    assert found["focus"] == focus(gray[y : y + height, x : x + width])
    picture = client.get(f"/aim/picture/{row.frame_id}", params=query)
    shown = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    assert shown.shape == (height, width)
    for wrong in ({"zoom": "3"}, {"x": "1.5"}, {"y": "nan"}):
        assert client.get(f"/aim/picture/{row.frame_id}", params=wrong).status_code == 400, wrong
    gone = client.get("/aim/picture/20200101T000000000000Z-top")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "image/svg+xml")


def test_nobody_looks_through_a_camera_without_a_name(rested: StationPaths) -> None:
    with browser(StationPage(rested)) as stranger:
        assert stranger.get("/aim").status_code == 303
        assert stranger.get("/aim/look", params={"camera": "incoming"}).status_code == 401
        assert stranger.get("/aim/picture/x").status_code == 401


def test_nothing_that_a_page_asks_by_itself_keeps_somebody_logged_in(client: TestClient) -> None:
    sessions = client.app.state.page.sessions  # type: ignore[attr-defined]
    session = sessions.find(client.cookies["qc-page"])
    for method, path, keeps in (
        ("GET", "/aim/look?camera=incoming", False),
        ("GET", "/aim/calibrate/told?camera=incoming&request=x", False),
        ("GET", "/review/next", False),
        ("POST", "/review/label?again=1", False),
        ("POST", "/review/label", True),
    ):
        session.seen = before = session.seen - 1
        assert client.request(method, path).status_code in {200, 204, 403}, path
        assert (session.seen > before) is keeps, path


def test_a_calibration_is_asked_for_with_the_figures_that_were_shown(
    client: TestClient, rested: StationPaths
) -> None:
    assert 'data-side="width"' in client.get("/aim/calibrate?camera=incoming").text
    query = {"camera": "incoming", "take": "passed", "count": "4", "region": "0,0,64,64"}
    shown = client.get("/aim/calibrate/proposal", params=query).text
    fields = dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', shown))
    assert len(fields["frames"].split(",")) == 4
    one = fields["frames"].partition(",")[0]
    fewer = client.get("/aim/calibrate/proposal", params=query | {"without": one}).text
    assert one not in dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', fewer))["frames"]
    told = client.post("/aim/calibrate", data=fields | {"why": "new <lens>"})
    assert told.status_code == 303
    [name] = requests.names(rested.requests)
    asked = requests.load(rested.requests, name)
    assert (asked.who, asked.why, asked.roi) == ("anna", "new <lens>", (0, 0, 64, 64))
    assert asked.expects == fields["expects"]
    assert "measures the parts again" in client.get(told.headers["location"]).text
    for wrong in ({"why": " "}, {"region": "0,0,1,1"}, {"camera": "../x"}, {"days": "0"}):
        answer = client.post("/aim/calibrate", data=fields | {"why": "x"} | wrong)
        assert answer.status_code == 400, wrong
    forged = client.post("/aim/calibrate", data=fields | {"why": "x", "token": "forged"})
    assert forged.status_code == 403
    assert [*requests.names(rested.requests)] == [name]
    (rested.requests / f"{name}.json").unlink()


def test_the_whole_frame_is_not_asked_for_where_a_view_names_a_region(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.app.state.page  # type: ignore[attr-defined]
    view = ViewSettings(name="top", camera="incoming", roi=(0, 0, 64, 64))
    changed = page.settings.model_copy(update={"view": (view,)})
    monkeypatch.setattr(page, "_settings", changed)
    drawn = client.get("/aim/calibrate?camera=incoming").text
    refused = client.get("/aim/calibrate/proposal?camera=incoming")
    assert refused.status_code == 400
    assert "names the region [0, 0, 64, 64]" in refused.text
    learns = {"token": token(drawn), "camera": "incoming", "learning": "9", "why": "new"}
    assert client.post("/aim/calibrate", data=learns).status_code == 400


def test_reviewers_look_and_do_not_calibrate(rested: StationPaths) -> None:
    page = StationPage(rested)
    add_user(page, "rita", PersonRole.REVIEWER)
    with browser(page) as client:
        log_in(client, "rita")
        shown = client.get("/aim").text
        assert "/aim/calibrate" not in shown
        for path in ("/aim/calibrate?camera=incoming", "/aim/calibrate/proposal?camera=incoming"):
            assert client.get(path).status_code == 403
        fields = {"token": token(shown), "camera": "incoming", "why": "x", "learning": "50"}
        assert client.post("/aim/calibrate", data=fields).status_code == 403


@pytest.mark.parametrize("zoom", [1, 2, 4, 8])
@pytest.mark.parametrize("place", [0.0, 0.3, 1.0])
def test_what_is_seen_lies_within_the_frame(zoom: int, place: float) -> None:
    x, y, width, height = Look(zoom, place, place).area(1000, 601)
    assert (width, height) == (1000 // zoom, 601 // zoom)
    assert 0 <= x <= 1000 - width
    assert 0 <= y <= 601 - height


def test_one_clipped_pixel_of_a_large_frame_is_still_seen() -> None:
    gray = np.full((2000, 3000), 128, np.uint8)
    gray[1500, 2000] = 255
    colours = cv2.imdecode(
        np.frombuffer(jpeg(gray, marks_clipped=True), np.uint8), cv2.IMREAD_COLOR
    )
    assert colours is not None
    red = colours[..., 2].astype(int) - colours[..., 0]
    assert max(colours.shape) == 1280
    row, column = np.unravel_index(int(red.argmax()), red.shape)
    assert red[row, column] > 60
    assert abs(row / red.shape[0] - 0.75) < 0.01
    assert abs(column / red.shape[1] - 2 / 3) < 0.01
