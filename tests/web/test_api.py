"""The API as an MES uses it, every refusal in words; and held against its own OpenAPI document:
whatever is sent, no 500, and every answer is one that the document has.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qc_edge.domain.decisions import Outcome
from qc_edge.domain.label import PersonRole
from qc_edge.errors import DiskFullError
from qc_edge.labels.drop import waiting_labels
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.recipe_editing import approve, write_new
from qc_edge.recipe.changeover.recipe_proposal import propose
from qc_edge.records import changeovers, outcomes
from qc_edge.settings import StationPaths
from qc_edge.web.api.administration import TokenAdministration
from qc_edge.web.api.tokens import Scope, Tokens
from qc_edge.web.guard import RequestRate
from qc_edge.web.station_page import StationPage
from tests.web.conftest import MARKUP
from tests.web.harness import add_user, browser, log_in, notices_of

API = "/api/v1"


def make_token(paths: StationPaths, *scopes: str, name: str = "mes") -> dict[str, str]:
    """The header of a program with these scopes."""
    secret = TokenAdministration(paths, "root").add(name, scopes or ("read",), "operator", 30)
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def page(rested: StationPaths) -> StationPage:
    return StationPage(rested)


@pytest.fixture
def mes(page: StationPage, rested: StationPaths) -> Iterator[TestClient]:
    """A program that may do everything."""
    with browser(page) as client:
        client.headers |= make_token(rested, *(scope.value for scope in Scope))
        yield client


def told(answer: object) -> list[str]:
    return [each["part_id"] for each in answer.json()["parts"]]  # type: ignore[attr-defined]


def test_parts_are_found_by_id_lot_and_time_page_by_page(mes: TestClient) -> None:
    first = mes.get(f"{API}/parts", params={"limit": 3})
    assert told(first) == [MARKUP, "A-4", "A-3"]
    rest = mes.get(f"{API}/parts", params={"limit": 3, "before": first.json()["next"]})
    assert (told(rest), rest.json()["next"]) == (["A-2", "A-1"], None)
    assert told(mes.get(f"{API}/parts", params={"part": "A-*", "lot": "L1"})) == ["A-4", "A-2"]
    assert told(mes.get(f"{API}/parts", params={"disposition": "REJECT"})) == ["A-3"]
    hour = timedelta(hours=1)
    now = datetime.now(timezone.utc)
    assert len(told(mes.get(f"{API}/parts", params={"since": (now - hour).isoformat()}))) == 5
    assert told(mes.get(f"{API}/parts", params={"until": (now - hour).isoformat()})) == []
    assert told(mes.get(f"{API}/parts", params={"until": "0001-01-01T00:00:00Z"})) == []
    refused = mes.get(f"{API}/parts", params={"until": "0.5"})
    assert refused.status_code == 422
    assert "2026-11-27T08:00:00Z" in refused.text


def test_a_part_is_told_whole(mes: TestClient) -> None:
    whole = mes.get(f"{API}/part", params={"id": "A-3"}).json()
    assert (whole["part_id"], whole["holds"]) == ("A-3", True)
    assert whole["inspections"][0]["row"]["disposition"] == "REJECT"
    assert mes.get(f"{API}/part", params={"id": MARKUP}).json()["part_id"] == MARKUP
    missing = mes.get(f"{API}/part", params={"id": "A-9"})
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def test_a_label_is_the_program_s_and_names_the_person(
    mes: TestClient, rested: StationPaths
) -> None:
    said = {"part_id": "A-3", "label": "defect", "defect_class": "dent", "who": "anna"}
    written = mes.post(f"{API}/labels", json=said)
    assert written.status_code == 201
    assert written.json()["who"] == "api:mes (anna)"
    frame = written.json()["frame_id"]
    doubt = {"frame_id": frame, "label": "disputed", "why": "claim 881"}
    assert mes.post(f"{API}/labels", json=doubt).status_code == 201
    waiting = [each for each in waiting_labels(rested) if each.frame_id == frame]
    assert {(str(each.label), each.role, str(each.source)) for each in waiting} == {
        ("defect", PersonRole.OPERATOR, "import"),
        ("disputed", PersonRole.OPERATOR, "dispute"),
    }
    assert mes.get(f"{API}/labels").json() == {"labels": []}, "the station does not run"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"label": "good"}, 422, "either frame_id or part_id"),
        ({"part_id": "A-9", "label": "good"}, 404, "no inspection of part"),
        ({"frame_id": "x", "label": "good"}, 404, "no inspection of frame"),
        ({"frame_id": "99991231T235959999999Z-x", "label": "good"}, 404, "no inspection of frame"),
        ({"frame_id": "00010101T000000000000Z-x", "label": "good"}, 404, "no inspection of frame"),
        ({"part_id": "A-1", "label": "fine"}, 422, "label is not"),
        ({"part_id": "A-1", "label": "good", "more": 1}, 422, "more is not"),
        ({"part_id": "A-1", "label": "disputed"}, 422, "why it is disputed"),
        ({"part_id": "A-1", "label": "good", "defect_class": "dent"}, 422, "has no class"),
        ({"part_id": "A-1", "label": "good", "why": "a\nb"}, 422, "why is not"),
    ],
)
def test_what_is_no_label_is_refused_in_words(
    mes: TestClient, body: dict[str, object], status: int, said: str
) -> None:
    refused = mes.post(f"{API}/labels", json=body)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert said in refused.text


def test_status_says_whether_the_station_runs(mes: TestClient) -> None:
    status = mes.get(f"{API}/status").json()
    assert (status["running"], status["ready"]) == (False, False)
    assert status["troubles"] == ["the station does not run"]


def test_only_an_approved_recipe_can_be_asked_for(mes: TestClient, rested: StationPaths) -> None:
    who = Attribution("anna", "order 7")
    write_new(rested, "bottle", propose(rested, 7, "bottle 0.5 l"), who)
    asked = {"number": 7, "reason": "order 4711"}
    refused = mes.post(f"{API}/recipe", json=asked)
    assert (refused.status_code, "no approved recipe" in refused.text) == (409, True)
    approve(rested, "bottle", who)
    taken = mes.post(f"{API}/recipe", json=asked)
    assert (taken.status_code, taken.json()["recipe"]) == (202, "bottle@1")
    state = mes.get(f"{API}/recipe").json()
    assert (state["in_force"], state["pending"], state["last_outcome"]) == (
        "station",
        "bottle@1",
        "to come",
    )
    assert state["approved"] == [{"recipe": "bottle@1", "number": 7, "product": "bottle 0.5 l"}]
    record = changeovers.load(rested.changeovers).decisions[-1]
    assert (record.made_by, record.reason) == ("api:mes", "order 4711")
    told = mes.get(f"{API}/changeovers").json()
    assert told["next"] is None
    assert [(each["recipe"], each["asked_by"], each["state"]) for each in told["changeovers"]] == [
        ("bottle@1", "api:mes", "to come")
    ]
    assert told["changeovers"][0]["decided_at"] is None
    applied = Outcome(True, datetime.now(timezone.utc), "between two frames")
    outcomes.conclude(rested.changeovers, record.record_id, applied)
    [in_force] = mes.get(f"{API}/changeovers").json()["changeovers"]
    assert (in_force["state"], in_force["detail"]) == ("in force", "between two frames")
    older = {"before": record.record_id}
    assert mes.get(f"{API}/changeovers", params=older).json()["changeovers"] == []
    for wrong in ({"reason": "x"}, {"number": 7, "recipe": "bottle", "reason": "x"}):
        assert mes.post(f"{API}/recipe", json=wrong).status_code == 422
    assert mes.post(f"{API}/recipe", json={"recipe": "station", "reason": "x"}).status_code == 409


def test_nothing_opens_it_but_a_token_that_is_good(page: StationPage, rested: StationPaths) -> None:
    add_user(page)
    with browser(page) as client:
        assert log_in(client) == 303
        asked = client.get(f"{API}/status")
        assert asked.status_code == 401, "a cookie counts for nothing"
        assert asked.headers["www-authenticate"] == "Bearer"
        good = make_token(rested, "read")
        assert client.get(f"{API}/status", headers=good).status_code == 200
        used = Tokens(rested.page_tokens).all()["mes"].used
        assert used is not None and time.time() - used < 60
        assert good["authorization"][7:] not in rested.page_tokens.read_text()
        for scope, path in (("label", "labels"), ("recipe", "recipe")):
            body = {"part_id": "A-1", "label": "good", "number": 7, "reason": "x"}
            refused = client.post(f"{API}/{path}", json=body, headers=good)
            assert refused.status_code in {403, 422}
            if refused.status_code == 403:
                assert f"has no scope {scope}" in refused.text
        anew = make_token(rested, "read")
        assert client.get(f"{API}/status", headers=good).status_code == 401, "made anew"
        TokenAdministration(rested, "root").revoke("mes")
        assert client.get(f"{API}/status", headers=anew).status_code == 401, "revoked"
        said = [json.loads(each) for each in notices_of(rested)]
        refused_events = [each for each in said if each["kind"] == "page_token_refused"]
        assert len(refused_events) == 2
        changes = [(each["before"], each["after"]) for each in said if each["kind"] == "page_token"]
        assert changes[-1] == ("read", None)


def test_a_token_ends_by_itself_and_a_full_disk_does_not_end_it(
    rested: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = make_token(rested, "read", name="short")
    secret = header["authorization"][7:]
    tokens = Tokens(rested.page_tokens)
    ends = tokens.all()["short"].expires

    def full(*_: object, **__: object) -> None:
        raise DiskFullError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("qc_edge.web.people.kept_list.write_file", full)
        assert tokens.find(secret, ends - 1) is not None
    assert tokens.all()["short"].used is None
    assert tokens.find(secret, ends - 1) is not None
    assert tokens.find(secret, ends) is None


def test_wrong_tokens_and_too_many_requests_have_to_wait(
    page: StationPage, rested: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long a busy machine takes for them.
    monkeypatch.setattr("qc_edge.web.api.application.PER_S", 0.1)
    with browser(page) as client:
        wrong = {"authorization": "Bearer qce_guessed"}
        statuses = [client.get(f"{API}/status", headers=wrong).status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        good = make_token(rested, "read")
        assert client.get(f"{API}/status", headers=good).status_code == 429, "the address waits"
    with browser(StationPage(rested)) as client:
        answers = [client.get(f"{API}/recipe", headers=good) for _ in range(75)]
        late = next(each for each in answers if each.status_code == 429)
        assert late.headers["retry-after"] == "1"
        assert "too many requests with this token" in late.text


def test_another_page_cannot_ask_for_its_visitors(mes: TestClient) -> None:
    elsewhere = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    for method in ("POST", "OPTIONS"):
        refused = mes.request(method, f"{API}/labels", headers=elsewhere, json={})
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
    read = mes.get(f"{API}/status", headers=elsewhere)
    assert "access-control-allow-origin" not in read.headers


def test_what_is_not_there_says_what_is(mes: TestClient) -> None:
    assert "openapi.json" in mes.get(f"{API}/nothing").text
    refused = mes.put(f"{API}/labels", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    large = mes.post(f"{API}/labels", content=b"x" * 300_000)
    assert large.status_code == 413
    assert mes.post(f"{API}/labels", content=b"{").status_code == 422


KNOWN = (
    *("A-1", "A-*", "L1", "REJECT", "2026-11-27T08:00:00Z", "%", "'; --", "\x00", "\ud83d", ""),
    *("99991231T235959999999Z-x", "00010101T000000000000Z-x"),
)
"""What finds something, and what has broken other programs."""


@pytest.fixture(scope="module")
def api(rested: StationPaths) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    """A program that may do everything, and the document."""
    patch = pytest.MonkeyPatch()
    patch.setattr(RequestRate, "admits", lambda *_: True)
    with browser(StationPage(rested)) as client:
        client.headers |= make_token(rested, *(scope.value for scope in Scope), name="fuzz")
        yield client, client.get(f"{API}/openapi.json").json()
    patch.undo()


def values(shape: dict[str, Any], schemas: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What the shape allows, and now and then what it does not."""
    if "$ref" in shape:
        return values(schemas[shape["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in shape:
        return st.one_of([values(each, schemas) for each in shape["anyOf"]])
    odd: st.SearchStrategy[Any] = st.sampled_from([None, True, -1, 2**70, 1e308, [], {}, *KNOWN])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(shape.get("minimum", -9), shape.get("maximum", 2**40)),
        "string": st.sampled_from(KNOWN) | st.text(max_size=shape.get("maxLength", 40)),
        "null": st.none(),
    }
    if shape.get("type") == "object":
        members = {name: values(each, schemas) for name, each in shape["properties"].items()}
        required = {name: members.pop(name) for name in shape.get("required", [])}
        return st.fixed_dictionaries(required, optional=members) | odd
    if "enum" in shape:
        return st.sampled_from(shape["enum"]) | odd
    return kinds.get(shape.get("type", ""), odd) | odd


def requests(document: dict[str, Any]) -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
    """A method, a path, and what goes with it."""
    schemas = document["components"]["schemas"]

    def one(path: str, method: str, operation: dict[str, Any]) -> st.SearchStrategy[Any]:
        given_in_query = {
            each["name"]: values(each["schema"], schemas)
            for each in operation.get("parameters", [])
        }
        parts = {"params": st.fixed_dictionaries({}, optional=given_in_query)}
        if "requestBody" in operation:
            shape = operation["requestBody"]["content"]["application/json"]["schema"]
            parts["json"] = values(shape, schemas)
        return st.tuples(st.just(method), st.just(path), st.fixed_dictionaries(parts))

    return st.one_of(
        [
            one(path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
    )


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_sent_the_answer_is_one_of_the_document(
    api: tuple[TestClient, dict[str, Any]], data: st.DataObject
) -> None:
    client, document = api
    method, path, sent = data.draw(requests(document))
    sent["params"] = {
        name: str(value).encode("utf-8", "replace").decode()
        for name, value in sent["params"].items()
    }
    try:
        answer = client.request(method, f"{API}{path}", **sent)
    except (UnicodeEncodeError, ValueError) as fault:
        assert "surrogates" in str(fault) or "JSON compliant" in str(fault)
        return
    described = document["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, answer.text
    kind = "application/json" if answer.is_success else "application/problem+json"
    assert answer.headers["content-type"] == kind
    if not answer.is_success:
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["detail"]


def test_the_document_tells_every_error_and_every_token(
    api: tuple[TestClient, dict[str, Any]],
) -> None:
    document = api[1]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"] == [{"HTTPBearer": []}], (method, path)
            assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys()
            assert re.match(r"[A-Z]", operation["description"])
