"""What only MQTT has: a broker between, which keeps messages, goes, comes back and stands still."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import Fault, StateBit, ToLine, accepts
from qc_edge.output.health import LineHealth
from qc_edge.output.links import make_link
from qc_edge.output.links.mqtt import messages
from tests.output.certificates import issued, make_authority
from tests.output.given import line_settings
from tests.output.mosquitto import PASSWORD, TOPIC, USER, Broker, MqttLine
from tests.output.running import OTHER_ENDS, Running, running
from tests.station.harness import wait_for


@pytest.fixture(scope="module")
def run() -> Iterator[Running]:
    """One output and its broker, for tests that look."""
    with running("mqtt", stands_ms=60_000.0) as given:
        given.begin()
        yield given


def line_of(run: Running) -> MqttLine:
    assert isinstance(run.peer, MqttLine)
    return run.peer


def refusals(run: Running) -> str:
    return "; ".join(run.output.status.peers)


@pytest.mark.parametrize(
    ("name", "message", "why"),
    [
        ("trigger", {"number": 70_000}, "expected 0 to 65535"),
        ("trigger", {"number": True}, "expected 0 to 65535"),
        ("trigger", {"number": 1, "part_id": "x" * 33}, "printable ASCII, 32 at most"),
        ("trigger", {"number": 1, "part_id": "a\nb"}, "printable ASCII"),
        ("reset", {"number": 1, "model": "other"}, "expected an object with run, number"),
        ("recipe", "17", "expected an object"),
        ("recipe", "[" * 900, "no JSON"),
        ("threshold", {"number": 1}, "there is no command"),
        ("acknowledge", {"number": 1, "run": ""}, "not empty"),
    ],
)
def test_what_is_no_command_is_refused(name: str, message: Any, why: str) -> None:
    given = message if isinstance(message, str) else json.dumps({"run": "a"} | message)
    with pytest.raises(ValueError, match=why):
        messages.command(name, given.encode())


def test_messages_are_what_their_schemas_say() -> None:
    for schema, raw in (
        (messages.STATE_SCHEMA, messages.offline()),
        (messages.RESULT_SCHEMA, messages.result(ToLine(), None, "")),
    ):
        message = json.loads(raw)
        assert list(message) == list(schema["properties"]) == schema["required"]


def test_a_command_that_the_broker_kept_from_before_counts_for_nothing() -> None:
    with OTHER_ENDS["mqtt"]() as end:
        link = make_link(line_settings({"name": "plc", "protocol": "mqtt"} | end.given))
        _open(link)
        link.show(ToLine(session=1), None)
        line = MqttLine(end.server.port)
        line.keep("reset", {"run": "before", "number": 9})
        wait_for(link.heard, "a live one counts", 60)
        link.close()
        _open(link)
        line.say(reset=2)
        heard = wait_for(link.heard, "the live one", 60)
        assert [each.words.reset for each in heard] == [2]
        link.close()
        line.close()


def test_commands_of_another_program_than_the_one_that_reset_are_refused(run: Running) -> None:
    line = line_of(run)
    line.publish("ejected", {"run": "somebody", "number": 1})
    run.wait_for(lambda: "of another run than the last reset" in refusals(run), "on the status")


def test_a_program_that_began_anew_has_to_reset_and_gets_no_result_of_before() -> None:
    with running("mqtt", stands_ms=60_000.0) as run:
        line = line_of(run)
        run.begin()
        line.say(trigger=1)
        run.wait_for(lambda: run.peer.words().trigger_taken == 1, "taken")
        run.tell(1, Disposition.ACCEPT)
        run.wait_for(lambda: accepts(run.peer.words(), 1), "a result")
        line.publish("trigger", {"run": "anew", "number": 1})
        run.wait_for(lambda: run.peer.words().state & StateBit.RESET_NEEDED, "not ready")
        results = [message for name, _, message in line.heard.all if name == "result"]
        assert not [m for m in results if m["run"] == "anew" and m["sequence"]]
        assert results[-1]["sequence"] == 0
        assert not [kept for name, kept, _ in line.heard.all if name == "result" and kept]


def test_the_broker_says_that_nothing_is_ready_once_the_station_is_gone() -> None:
    with running("mqtt") as run:
        run.begin()
        line = line_of(run)
        run.output._link._client.socket().close()  # type: ignore[attr-defined]
        run.wait_for(
            lambda: [m for n, _, m in line.heard.all if n == "state" and not m["online"]],
            "the last will",
        )
        gone = next(m for n, _, m in line.heard.all if n == "state" and not m["online"])
        assert not gone["ready"]
        run.wait_for(lambda: line.heard.newest["state"]["online"], "it is back by itself")


@pytest.mark.serial
def test_a_broker_that_stands_still_holds_nobody_and_what_it_did_not_take_is_on_record() -> None:
    with running("mqtt", sequence="station", acknowledge=False, stands_ms=50.0) as run:
        run.output.report(LineHealth(is_ready=True, faults=Fault(0)))
        run.wait_for(lambda: run.peer.words().state & StateBit.READY, "ready")
        run.server.freeze()
        told = 0
        try:

            def is_noticed() -> str:
                nonlocal told
                run.tell(1, Disposition.ACCEPT)
                told += 1
                return run.output.status.trouble

            trouble = wait_for(is_noticed, "the trouble", 60, 0.005)
        finally:
            run.server.thaw()
        assert told > 10, "the inspector waited"
        assert re.search("confirmed nothing|queue is full", trouble)
        wait_for(lambda: not run.output.status.trouble, "open again", 60)
        assert "link_lost" in {str(note.kind) for note in run.notes}


def test_what_the_broker_confirms_at_once_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    with OTHER_ENDS["mqtt"]() as end:
        link = make_link(line_settings({"name": "plc", "protocol": "mqtt"} | end.given))
        _open(link)
        client = link._client  # type: ignore[attr-defined]
        publish = client.publish

        def confirmed(*given: Any) -> Any:
            sent = publish(*given)
            sent.wait_for_publish(60)
            return sent

        monkeypatch.setattr(client, "publish", confirmed)
        monkeypatch.setattr("qc_edge.output.links.mqtt.link._LONGEST_UNANSWERED_S", 0.0)
        link.show(ToLine(session=1), None)
        assert link.heard() == []
        link.close()


def test_a_broker_that_is_silent_in_the_middle_of_tls_holds_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "plc.login").write_text(f"{USER}\n{PASSWORD}\n")
    for name, value in {"CONNECT_S": 3600.0, "_OPEN_S": 0.1}.items():
        monkeypatch.setattr(f"qc_edge.output.links.mqtt.link.{name}", value)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = {"name": "plc", "protocol": "mqtt", "topic": TOPIC, "tls_name": "broker.plant"}
        given["broker"] = f"127.0.0.1:{silent.getsockname()[1]}"
        link = make_link(line_settings(given))
        with pytest.raises(OutputError, match="has not answered yet"):
            link.open(lambda: None)
        wire, _ = silent.accept()
        with wire:
            wire.settimeout(60)
            assert wire.recv(1 << 16), "it greets"
            with pytest.raises(OutputError, match="has not answered yet"):
                link.open(lambda: None)
            link.close()
            assert wire.recv(1 << 16) == b"", "hung up"


def test_over_tls_the_broker_is_held_to_the_name_in_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    certificate, key = issued(authority, tmp_path, "broker.plant")
    broker = Broker(
        tmp_path, f"cafile {authority.path}", f"certfile {certificate}", f"keyfile {key}"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "plc.login").write_text(f"{USER}\n{PASSWORD}\n")
    (tmp_path / "plc.ca").write_bytes(authority.path.read_bytes())
    given = {"name": "plc", "protocol": "mqtt", "topic": TOPIC}
    given["broker"] = f"127.0.0.1:{broker.port}"
    try:
        right = make_link(line_settings(given | {"tls_name": "broker.plant"}))
        _open(right)
        assert right.peers == (f"broker {given['broker']}",)
        right.close()
        for wrong in ({"tls_name": "other.plant"}, {}):
            with pytest.raises(OutputError, match="certificate verify failed"):
                _open(make_link(line_settings(given | wrong)))
        (tmp_path / "plc.login").write_text(f"{USER}\nwrong\n")
        with pytest.raises(OutputError, match="Not authorized"):
            _open(make_link(line_settings(given | {"tls_name": "broker.plant"})))
    finally:
        broker.stop()


def _open(link: Any) -> None:
    """As often as it takes while nobody has answered yet."""

    def is_open() -> bool:
        try:
            link.open(lambda: None)
        except OutputError as fault:
            if not re.search("refused|not answered yet", str(fault)):
                raise
            return False
        return True

    wait_for(is_open, "an answer", 60)


def test_a_password_is_never_sent_in_the_clear() -> None:
    given = {"name": "plc", "protocol": "mqtt", "topic": TOPIC, "broker": "192.168.10.5:1883"}
    with pytest.raises(ValueError, match="send the password to"):
        line_settings(given | {"tls": False})
    assert not line_settings(given | {"tls": False, "login": False}).listens
