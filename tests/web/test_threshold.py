"""A threshold that one person proposes on the page and another one approves."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from qc_edge.cli import app
from qc_edge.domain.label import PersonRole
from qc_edge.errors import ThresholdError, UsageError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.proposing import (
    ProposalTaker,
    decide,
    find_proposal,
    open_proposals,
    propose,
    take_up,
)
from qc_edge.recipe.threshold_change import (
    ThresholdChange,
    check_change,
    current_threshold,
    write_change,
)
from qc_edge.records import proposals
from qc_edge.settings import StationPaths
from qc_edge.web.station_page import StationPage
from tests.event_log import MemoryEventLog
from tests.station.harness import configure, make_station, running
from tests.web.harness import add_user, browser, log_in, token

ANNA, BEN = Attribution("anna", "an escape at the customer"), Attribution("ben", "I agree")


@pytest.fixture
def paths(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    return make_station(tmp_path_factory.mktemp("proposed"))


def test_a_slider_shows_what_would_turn(client: TestClient) -> None:
    shown = client.get("/threshold").text
    assert 'data-model="corner@1"' in shown
    asked = {"value": "0.05", "model": "corner@1", "escape": "100", "overkill": "1"}
    found = client.get("/threshold/at", params=asked).text
    assert "<html" not in found, "a piece of the page"
    assert "<dt>PASS → FAIL</dt><dd>4</dd>" in found
    assert found.count("PASS → FAIL ·") == 4, "each with its picture"
    assert "<b onmouseover" not in found
    for wrong in ({"value": "2"}, {"value": "x"}, {"days": "0"}, {"escape": "-1"}):
        answer = client.get("/threshold/at", params=asked | wrong)
        assert answer.status_code == 400, wrong


def test_what_one_proposes_another_one_approves(client: TestClient, rested: StationPaths) -> None:
    shown = client.get("/threshold").text
    fields = {"token": token(shown), "value": "0.25", "why": "an escape", "days": "7"}
    assert client.post("/threshold/propose", data=fields).status_code == 303
    mine = client.get("/threshold").text
    found = re.search(r'name="proposal" value="([^"]+)"', mine)
    assert found is not None
    assert 'value="approve"' not in mine, "it is her own"
    decision = {"token": token(mine), "proposal": found[1], "decision": "approve", "why": "yes"}
    assert client.post("/threshold/decide", data=decision).status_code == 400
    page = StationPage(rested)
    add_user(page, "ben", PersonRole.ENGINEER)
    add_user(page, "cora", PersonRole.REVIEWER)
    with browser(page) as other:
        log_in(other, "cora")
        assert other.get("/threshold").status_code == 403
        decision["token"] = token(other.get("/live").text)
        assert other.post("/threshold/decide", data=decision).status_code == 403
        other.cookies.clear()
        log_in(other, "ben")
        theirs = other.get("/threshold").text
        decision["token"] = token(theirs)
        assert 'value="approve"' in theirs
        assert other.post("/threshold/decide", data=decision | {"why": " "}).status_code == 400
        assert other.post("/threshold/decide", data=decision).status_code == 303
        assert other.post("/threshold/decide", data=decision).status_code == 400, "once"
    with running(rested) as run:
        run.wait_for(lambda: run.status.threshold == 0.25, "the station judges by it")
    event = next(row for row in newest_rows(rested.journal) if row.get("kind") == "threshold")
    assert event["who"] == "ben"
    assert "by ben, proposed by anna: an escape" in str(event["detail"])


def test_a_proposal_is_approved_once_and_by_somebody_else(paths: StationPaths) -> None:
    before = current_threshold(paths)
    proposal = propose(paths, before, 0.4, ANNA, "nothing turns")
    with pytest.raises(UsageError, match="somebody else"):
        decide(paths, proposal, Attribution("Anna", "me"), PersonRole.QUALITY, approved=True)
    with pytest.raises(UsageError, match="no role"):
        decide(paths, proposal, BEN, PersonRole.REVIEWER, approved=True)
    said = decide(paths, proposal, BEN, PersonRole.QUALITY, approved=True)
    for forged in (replace(said, made_by="anna"), replace(said, role="operator")):
        with pytest.raises(ThresholdError):
            take_up(paths, forged)
    with pytest.raises(ThresholdError, match="not the one"):
        take_up(paths, replace(said, proposal_sha256="0" * 64))
    record = take_up(paths, said)
    assert record is not None
    assert (record.made_by, record.proposed_by, record.value) == ("ben", "anna", 0.4)
    assert take_up(paths, said) is None, "a crash behind it makes no second one"
    assert current_threshold(paths).value == 0.4


def test_what_was_proposed_for_another_threshold_is_not_put_in_force(paths: StationPaths) -> None:
    first = propose(paths, current_threshold(paths), 0.4, ANNA, "")
    second = propose(paths, current_threshold(paths), 0.6, ANNA, "")
    assert take_up(paths, decide(paths, first, BEN, PersonRole.ENGINEER, approved=True))
    late = decide(paths, second, BEN, PersonRole.ENGINEER, approved=True)
    with running(paths) as run:
        refused = f"the decision {late.record_id} changes nothing"
        run.wait_for(
            lambda: any(refused in str(row.get("detail")) for row in newest_rows(paths.journal)),
            "the event",
        )
        assert run.status.threshold == 0.4
    assert late.record_id not in set(proposals.decision_names(proposals.place(paths)))
    assert [each.fits for each in open_proposals(paths, current_threshold(paths))] == [False]


def test_an_approval_of_before_a_newer_threshold_is_not_put_in_force(paths: StationPaths) -> None:
    before = current_threshold(paths)
    proposal = propose(paths, before, 0.4, ANNA, "")
    said = decide(paths, proposal, BEN, PersonRole.ENGINEER, approved=True)
    # While the station is at rest somebody sets another one, and then the same as before again.
    for value in (0.6, before.value):
        write_change(
            paths, current_threshold(paths), ThresholdChange(value, "cora", "as it was", None)
        )
    with pytest.raises(UsageError, match="after ben approved"):
        take_up(paths, said)


def test_a_decision_that_is_refused_and_stays_is_said_once(paths: StationPaths) -> None:
    proposal = propose(paths, current_threshold(paths), 0.4, ANNA, "")
    said = decide(paths, proposal, BEN, PersonRole.ENGINEER, approved=True)
    (proposals.place(paths) / f"{proposal.record_id}.toml").unlink()
    (paths.set_aside / f"decision-{said.record_id}.toml").mkdir(parents=True)
    events = MemoryEventLog()
    taker = ProposalTaker(paths, events)
    taker.take_up()
    taker.take_up()
    assert len(events.occurrences) == 1


def test_where_two_have_to_agree_one_alone_sets_nothing(paths: StationPaths) -> None:
    configure(paths, approval={"threshold": True})
    change = ThresholdChange(0.3, "anna", "why", None)
    before = current_threshold(paths)
    with pytest.raises(UsageError, match="two people"):
        check_change(paths, before, change, before.now)


def test_the_commands_do_the_same(paths: StationPaths) -> None:
    def asked(*words: str) -> object:
        given = ["threshold", paths.name, *words, "--root", str(paths.root), "--json"]
        answer = CliRunner().invoke(app, given, catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.output)

    one, two = ("--by", "anna", "--reason", "why"), ("--by", "ben", "--reason", "why not")
    made = asked("propose", "0.3", *one)
    assert isinstance(made, dict)
    name = str(made["record_id"])
    assert asked("proposals") == [made | {"fits": True}]
    with pytest.raises(UsageError, match="somebody else"):
        asked("approve", name, *one)
    done = asked("approve", name, *two)
    assert isinstance(done, dict)
    assert done["threshold_id"] == f"{current_threshold(paths).threshold_id}"
    assert asked("proposals") == []
    with pytest.raises(UsageError, match="already"):
        find_proposal(paths, name)
    again = asked("propose", "0.35", *one)
    assert isinstance(again, dict)
    asked("decline", str(again["record_id"]), *one)
    assert current_threshold(paths).value == 0.3
