"""What people say of parts on the page: written down once, by those who may, of what they saw."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fastapi.testclient import TestClient

from qc_edge.domain.label import PersonRole
from qc_edge.labels.drop import waiting_labels
from qc_edge.labels.record import SaidLabel
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


def test_a_reviewer_judges_one_part_after_the_other(
    client: TestClient, rested: StationPaths
) -> None:
    first = client.get("/review").text
    fields = {"token": token(first), "frame": frame(first), "took": "1.5"}
    drawn = {"said": "defect", "regions": json.dumps([{"box": [1, 2, 30, 40]}]), "why": "a <scratch>"}
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
