"""What people say of parts on the page: written down once, by those who may, of what they saw."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import pytest
from fastapi.testclient import TestClient

from qc_edge.domain.label import Box, Mask, PersonRole, parse_regions
from qc_edge.labels.drop import mask_path, waiting_labels
from qc_edge.labels.record import SaidLabel
from qc_edge.query import evidence
from qc_edge.query.inspection_search import newest
from qc_edge.review.claims import ReviewClaims
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.web.station_page import StationPage
from tests.web.harness import add_user, browser, log_in, token


def said(paths: StationPaths) -> list[SaidLabel]:
    """What waits for the station, oldest first."""
    return list(waiting_labels(paths))


def frame(text: str) -> str:
    found = re.search(r'name="frame" value="([^"]+)"', text)
    assert found, text
    return found[1]


def test_the_next_part_is_one_that_the_page_does_not_have(
    client: TestClient, rested: StationPaths
) -> None:
    seen: list[str] = []
    while (answer := client.get("/review/next", params={"besides": ",".join(seen)})).content:
        assert "<html" not in answer.text, "a piece of the page"
        assert frame(answer.text) not in seen
        seen.append(frame(answer.text))
    assert answer.status_code == 204
    assert len(seen) > 1
    fields = {"token": token(client.get("/station").text), "frames": ",".join(seen)}
    assert client.post("/review/release", data=fields).status_code == 204
    assert not ReviewClaims(rested).standing(utc_now()), "others may have them again"


def test_a_reviewer_judges_one_part_after_the_other(
    client: TestClient, rested: StationPaths
) -> None:
    first = client.get("/review").text
    fields = {"token": token(first), "frame": frame(first), "took": "1.5"}
    drawn = {
        "said": "defect",
        "regions": json.dumps([{"box": [1, 2, 30, 40]}]),
        "why": "a <scratch>",
    }
    answer = client.post("/review", data=fields | drawn)
    assert answer.status_code == 303
    label = said(rested)[-1]
    assert (label.frame_id, label.label, label.who) == (fields["frame"], "defect", "anna")
    assert label.regions == '[{"box":[1.0,2.0,30.0,40.0]}]'
    assert label.seen_sha256 is not None
    assert label.took_s == 1.5
    following = client.get(answer.headers["location"]).text
    assert f'name="frame" value="{fields["frame"]}"' not in following, "the next one"
    again = client.get("/review", params={"frame": fields["frame"]}).text
    assert frame(again) == fields["frame"], "the one before can be judged anew"


def test_a_label_that_is_sent_again_is_the_same_label(
    client: TestClient, rested: StationPaths
) -> None:
    """The answer may be lost on its way: the station makes one row of one key."""
    rows = {row.part_id: row.frame_id for row in newest(rested.journal, 5)}
    shown = client.get("/review", params={"frame": rows["A-3"]}).text
    fields = {"token": token(shown), "frame": rows["A-3"], "said": "good", "key": "ab" * 16}
    for _ in range(2):
        assert client.post("/review/label", data=fields).status_code == 204
    first, second = (label.label_key for label in said(rested)[-2:])
    assert first == second != fields["key"]
    client.post("/review/label", data=fields | {"frame": rows["A-4"]})
    assert said(rested)[-1].label_key != first, "a key is of one person and one frame"
    refused = client.post("/review/label", data=fields | {"frame": "gone"})
    assert refused.status_code == 422
    assert "no inspection" in refused.json()["message"]
    client.cookies.clear()
    assert client.post("/review/label", data=fields).status_code == 401, "no page in its place"


def test_what_a_brush_has_covered_is_a_mask(client: TestClient, rested: StationPaths) -> None:
    bad = next(row for row in newest(rested.journal, 5) if row.part_id == "A-3")
    shown = client.get("/review", params={"frame": bad.frame_id}).text
    strokes = [{"radius": 3, "stroke": [[10, 20], [40, 20]]}, {"radius": 2, "stroke": [[60, 70]]}]
    fields = {"token": token(shown), "frame": frame(shown), "said": "defect"}
    drawn = json.dumps([*strokes, {"box": [1, 2, 3, 4]}])
    assert client.post("/review/label", data=fields | {"regions": drawn}).status_code == 204
    box, mask = parse_regions(said(rested)[-1].regions)
    assert box == Box(1, 2, 3, 4)
    assert isinstance(mask, Mask)
    kept = cv2.imread(str(mask_path(rested, mask.sha256)), cv2.IMREAD_UNCHANGED)
    assert kept is not None
    assert (kept.shape, kept[20, 25], kept[70, 60], kept[50, 50]) == ((96, 96), 255, 255, 0)


def test_a_label_of_a_picture_that_is_gone_claims_no_look_at_it(
    client: TestClient, rested: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = next(row for row in newest(rested.journal, 5) if row.part_id == "A-3")
    shown = client.get("/review", params={"frame": bad.frame_id}).text
    fields = {"token": token(shown), "frame": frame(shown), "said": "unsure"}
    monkeypatch.setattr(evidence, "find", lambda *_: None)
    assert client.post("/review/label", data=fields).status_code == 204
    assert said(rested)[-1].seen_sha256 is None


def test_what_is_around_a_part(client: TestClient, rested: StationPaths) -> None:
    rows = newest(rested.journal, 5)
    shown = client.get("/review/around", params={"frame": rows[2].frame_id}).text
    places = [shown.index(f"/picture/{row.frame_id}/") for row in reversed(rows)]
    assert places == sorted(places), "oldest first"
    assert client.get("/review/around", params={"frame": "gone"}).status_code == 404


def test_what_is_no_judgement_is_not_written(client: TestClient, rested: StationPaths) -> None:
    shown = client.get("/review").text
    good = {"token": token(shown), "frame": frame(shown), "said": "good"}
    before = len(said(rested))
    for wrong in (
        {"said": "disputed"},
        {"said": ""},
        {"frame": "../../etc/passwd"},
        {"said": "defect", "regions": '[{"box": [0, 0, 99999, 5]}]'},
        {"said": "defect", "regions": '[{"box": ["x"]}]'},
        {"said": "defect", "regions": '[{"stroke": [[1, 2], [NaN, 4]], "radius": 3}]'},
        {"said": "defect", "regions": "[" * 5000},
        {"why": "two\nlines"},
    ):
        assert client.post("/review", data=good | wrong).status_code == 400, wrong
    assert client.post("/review", data=good | {"token": "forged"}).status_code == 403
    assert len(said(rested)) == before


def test_an_operator_disputes_and_does_not_judge(rested: StationPaths) -> None:
    page = StationPage(rested)
    add_user(page, "otto", PersonRole.OPERATOR)
    with browser(page) as client:
        log_in(client, "otto")
        assert client.get("/review").status_code == 403
        story = client.get("/part/story", params={"id": "A-2"}).text
        fields = {"token": token(story), "frame": frame(story)}
        assert client.post("/review", data=fields | {"said": "good"}).status_code == 403
        assert client.post("/part/dispute", data=fields | {"why": " "}).status_code == 400
        assert client.post("/part/dispute", data=fields | {"why": "burr"}).status_code == 200
    label = said(rested)[-1]
    assert (label.label, label.who, label.role) == ("disputed", "otto", PersonRole.OPERATOR)
    assert label.why == "burr"


def test_two_reviewers_get_two_parts(rested: StationPaths, tmp_path: Path) -> None:
    page = StationPage(rested)
    for name in ("ben", "cora"):
        add_user(page, name, PersonRole.REVIEWER)
    with browser(page) as ben:
        log_in(ben, "ben")
        first = frame(ben.get("/review").text)
        ben.cookies.clear()
        log_in(ben, "cora")
        shown = ben.get("/review").text
        assert 'name="frame"' not in shown or frame(shown) != first
