"""What only OPC UA has: users, certificates, the companion specification, events."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.judged import NoteKind
from qc_edge.output.handshake.words import StateBit, accepts
from qc_edge.output.links import make_link
from qc_edge.output.links.opcua.nodes import fits
from qc_edge.output.offered_recipes import ListsRecipes, OfferedRecipe
from tests.output.certificates import opcua_certificate
from tests.output.given import line_settings
from tests.output.node_opcua import Node, OpcuaClient, OpcuaFaultError
from tests.output.running import Running, running


@pytest.fixture(scope="module")
def run() -> Iterator[Running]:
    with running("opcua", stands_ms=60_000.0, recipes=True) as given:
        yield given


def client_of(run: Running) -> OpcuaClient:
    assert isinstance(run.peer, OpcuaClient)
    return run.peer


def place_of(run: Running) -> str:
    return run.output.settings.place


def test_an_event_tells_each_result_after_its_words_and_the_state_machine_goes_along(
    run: Running,
) -> None:
    client = client_of(run)
    run.begin()
    states = "/VISION:VisionStateMachine.0:CurrentState"
    inner = "/VISION:VisionStateMachine/VISION:AutomaticModeStateMachine.0:CurrentState"
    assert client.ask({"browse": states})["value"] == "Operational"
    assert client.ask({"browse": inner})["value"] == "Ready"
    client.say(part_id="SN-1", trigger=1)
    run.wait_for(lambda: run.peer.words().trigger_taken == 1, "taken")
    assert client.ask({"browse": inner})["value"] == "SingleExecution"
    assert client.events == []
    run.tell(1, Disposition.ACCEPT)
    run.wait_for(lambda: client.events, "the event")
    words, event = run.peer.words(), client.events[0]
    assert accepts(words, 1)
    assert event["PartId"]["id"] == "1"
    assert event["ResultId"]["id"].startswith("20260101T000000")
    assert event["JobId"]["id"] == f"{words.session}-1"
    assert (event["ResultState"], event["IsPartial"]) == (1, False)
    assert event["ResultContent"] == ["ACCEPT", "score_below_threshold", "1"]
    client.say(acknowledge=1)
    run.wait_for(lambda: run.peer.words().sequence == 0, "taken away")


def test_what_was_told_is_given_once_more(run: Running) -> None:
    """The methods of result management: a bounded list, one by its id, a handle to release."""
    client = client_of(run)
    run.begin()
    client.say(trigger=7)
    run.wait_for(lambda: run.peer.words().trigger_taken == 7, "taken")
    run.tell(7, Disposition.REJECT)
    run.wait_for(lambda: run.peer.words().commit == 7, "a result")
    job = f"{run.peer.words().session}-7"
    any_of = [("MeasId", ""), ("PartId", ""), ("RecipeIdExternal", ""), ("RecipeIdInternal", "")]
    any_of += [("ConfigurationId", ""), ("ConfigurationId", ""), ("ProductId", "")]
    page = [("UInt32", 1), ("UInt32", 0), ("Int32", 0)]
    listed = client.call(
        "ResultManagement.GetResultListFiltered", ("Int32", 0), *any_of, ("JobId", job), *page
    )
    is_complete, count, handle, (told,), error = listed["outputs"]
    assert (is_complete, count, error) == (True, 1, 0)
    assert (told["partId"]["id"], told["resultState"]) == ("7", 1)
    content = [each["value"] for each in told["resultContent"]]
    assert content == ["REJECT", "score_below_threshold", "7"]
    known = told["resultId"]["id"]
    for method in ("GetResultById", "GetResultComponentsById"):
        found = client.call(f"ResultManagement.{method}", ("ResultId", known), ("Int32", 0))
        assert found["outputs"][-1] == 0
        assert job in str(found["outputs"])
    nothing = client.call("ResultManagement.GetResultById", ("ResultId", "no"), ("Int32", 0))
    assert nothing["outputs"][-1] == -2
    for error in (0, -2):
        released = client.call("ResultManagement.ReleaseResultHandle", ("UInt32", handle))
        assert released["outputs"] == [error]
    client.say(acknowledge=7)
    run.wait_for(lambda: run.peer.words().sequence == 0, "taken away")


def test_a_client_chooses_among_approved_recipes_as_by_the_word_and_does_nothing_else(
    run: Running,
) -> None:
    client = client_of(run)
    run.begin()
    link = run.output._link
    assert isinstance(link, ListsRecipes)
    jar = OfferedRecipe(7, "jar", 2, "ab" * 32, is_in_force=True)
    lid = OfferedRecipe(9, "lid", 1, "cd" * 32)
    link.offer(lambda: [jar, lid, OfferedRecipe(11, "cap", 4, "ef" * 32, is_older_in_force=True)])
    anything = [("RecipeIdExternal", ""), ("ProductId", ""), ("Int32", 2)]
    page = [("UInt32", 2), ("UInt32", 0), ("Int32", 0)]
    found = client.call("RecipeManagement.GetRecipeListFiltered", *anything, *page)
    is_complete, count, _, recipes, error = found["outputs"]
    assert (is_complete, count, error) == (False, 2, 0)
    told = [(each["id"], each["version"], each["description"]["text"]) for each in recipes]
    assert told == [("7", "2", "jar"), ("9", "1", "lid")]

    def prepare(name: str, number: str) -> list[Any]:
        given = ("RecipeIdExternal", name), ("RecipeIdInternal", number)
        outputs: list[Any] = client.call("RecipeManagement.PrepareRecipe", *given)["outputs"]
        return outputs[1:]

    assert prepare("", "7") == [True, 0]
    assert [prepare("", "8"), prepare("lid", "7"), prepare("", "")] == [[False, -1]] * 3
    assert prepare("cap", "") == [False, -4]
    assert not [note for note in run.notes if note.kind is NoteKind.RECIPE_WANTED]
    for asked, times in (("9", 1), ("9", 2)):
        assert prepare("", asked) == [False, 0]

        def wanted() -> list[int]:
            return [n.sequence for n in run.notes if n.kind is NoteKind.RECIPE_WANTED]

        run.wait_for(lambda n=times: wanted() == [9] * n, "asked for as by the word")
    for method in ("RecipeManagement.UnprepareRecipe", "VisionStateMachine.Reset"):
        refused = client.call(method)
        assert (refused["code"], bool(refused["about"])) == ("BadNotSupported", True)
    short = client.call("RecipeManagement.PrepareRecipe", ("RecipeIdExternal", "lid"))
    assert short["code"] == "BadArgumentsMissing"
    wrong = client.call("ResultManagement.ReleaseResultHandle", ("String", "1"))
    assert wrong["code"] == "BadInvalidArgument"


def test_a_client_may_write_the_line_s_words_within_their_bounds_and_nothing_else(
    run: Running,
) -> None:
    client = client_of(run)
    for command, fault in (
        ({"write": {"commit": ["UInt16", 1]}, "side": "ToLine"}, "BadNotWritable"),
        ({"write": {"i=2255": ["UInt16", 1]}}, "BadNotWritable"),
        ({"write": {"part_id": ["String", "x" * 33]}}, "BadOutOfRange"),
        ({"write": {"lot": ["String", "a\nb"]}}, "BadOutOfRange"),
        ({"write": {"counted": ["UInt16", 1], "closing": ["UInt16", 1]}}, "BadOutOfRange"),
        ({"write": {"trigger": ["UInt16", [1, 2]]}}, "BadOutOfRange"),
    ):
        with pytest.raises(OpcuaFaultError, match=fault):
            client.ask(command)
    is_bad = ua.StatusCode(ua.UInt32(ua.StatusCodes.Bad))
    number = ua.Variant(1, ua.VariantType.UInt16)
    assert fits("trigger", ua.DataValue(number))
    assert not fits("trigger", ua.DataValue(number, StatusCode=is_bad))


def test_nobody_is_anonymous_and_no_password_or_certificate_is_taken_on_trust(
    run: Running, tmp_path: Path
) -> None:
    known: Path = run.server
    for user, password in (("", ""), ("plc", "wrong")):
        with pytest.raises(OpcuaFaultError, match=r"Identity|UserAccessDenied|ANONYMOUS"):
            OpcuaClient(place_of(run), known, user, password)
    opcua_certificate(tmp_path, "plc-client", "urn:plc")
    with pytest.raises(OpcuaFaultError):
        OpcuaClient(place_of(run), tmp_path)


def test_another_user_writes_only_once_the_first_is_silent_and_has_to_reset(run: Running) -> None:
    run.begin()
    client_of(run).say(heartbeat=9)
    other = OpcuaClient(place_of(run), run.server, "other")
    try:
        assert other.words().session == run.output.status.words.session
        client_of(run).say(heartbeat=10)
        with pytest.raises(OpcuaFaultError, match="BadResourceUnavailable"):
            other.say(trigger=2)
    finally:
        other.close()
    anew = OpcuaClient(place_of(run), run.server)
    try:
        anew.say(trigger=3)
        run.wait_for(lambda: anew.words().state & StateBit.RESET_NEEDED, "has to reset")
        assert anew.words().trigger_taken == 0
    finally:
        anew.close()


@pytest.mark.serial
def test_a_client_that_stands_still_holds_nobody(run: Running) -> None:
    run.begin()
    node = Node()
    try:
        OpcuaClient(place_of(run), run.server, node=node)
        node.process.send_signal(signal.SIGSTOP)
        for number in range(1, 4):
            run.peer.say(trigger=number)
            run.wait_for(lambda n=number: run.peer.words().trigger_taken == n, "taken")
            before_s = time.monotonic()
            run.tell(number, Disposition.REJECT)
            assert time.monotonic() - before_s < 0.5
            run.wait_for(lambda n=number: run.peer.words().commit == n, "a result")
            run.peer.say(acknowledge=number)
            run.wait_for(lambda: run.peer.words().sequence == 0, "taken away")
    finally:
        node.process.send_signal(signal.SIGCONT)
        node.close()


def test_another_address_is_turned_away(run: Running) -> None:
    at = run.output.settings.listens[0]
    with socket.create_connection(at, 5, ("127.0.0.2", 0)) as stranger:
        stranger.settimeout(5)
        with suppress(ConnectionResetError):
            assert stranger.recv(1) == b""
    run.wait_for(lambda: "127.0.0.2 turned away 1x" in run.output.status.peers, "on the status")


def test_without_its_credentials_it_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"listen": "127.0.0.1:4840", "peers": ["127.0.0.1"]}
    settings = line_settings({"name": "plc", "protocol": "opcua"} | given)
    for directory in ("", str(tmp_path)):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", directory)
        with pytest.raises(OutputError, match=r"there is no credential plc\.cert"):
            make_link(settings).open(lambda: None)
