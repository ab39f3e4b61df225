"""A server that is told of each part after the line was."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qc_edge.domain.parts.told import told_alone
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.errors import OutputError
from qc_edge.output.webhook import backlog as backlog_module
from qc_edge.output.webhook import output as output_module
from qc_edge.output.webhook import post as post_module
from qc_edge.output.webhook.message import PartMessage, message_of
from qc_edge.output.webhook.post import Poster
from qc_edge.service.clock import utc_now
from qc_edge.store.log.part_messages import LoggedPart, parts_after, parts_of
from tests.demo.rows import part
from tests.output.certificates import issued, make_authority
from tests.output.parts import told_part
from tests.output.ports import free_port
from tests.output.web_receiver import Receiver, receiving
from tests.output.webhook_station import settings, station
from tests.station.harness import wait_for
from tests.store.rows import event

SECRET = "0123456789abcdef"  # noqa: S105 (of nobody)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon; a handshake may take as long as a busy machine needs."""
    monkeypatch.setattr(output_module, "_FIRST_S", 0.02)
    monkeypatch.setattr(output_module, "_LONGEST_S", 0.05)
    monkeypatch.setattr(post_module, "_CONNECT_S", 20.0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def numbers(receiver: Receiver) -> list[str]:
    """Of the parts that it has taken, in order."""
    return [each["part_id"] for each in receiver.taken]


def all_taken(receiver: Receiver, *expected: int) -> None:
    """Wait until it has these, and no other."""
    wait_for(lambda: len(receiver.taken) >= len(expected), "taken", 60, 0.01)
    assert numbers(receiver) == [str(each) for each in expected]


def test_each_part_is_told_once_signed_and_on_record(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mes.secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with station(tmp_path, settings(receiver.port, signed=True)) as run:
        run.tell(1, 2, 3)
        all_taken(receiver, 1, 2, 3)
        wait_for(lambda: len(run.notes) == 3, "on record")
        assert run.output.status.words.accepted == 3
    headers, body = receiver.came[0]
    signed = headers["X-QC-Edge-Time"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-QC-Edge-Signature"] == f"sha256={expected}"
    message = json.loads(body)
    assert headers["Idempotency-Key"] == message["key"] == f"line1/{message['frame_id']}"
    assert (message["disposition"], message["is_replayed"]) == ("ACCEPT", False)
    assert next(iter(run.notes)).words.endswith("acknowledged, 204 No Content")
    assert SECRET not in str(receiver.came)


@pytest.mark.parametrize("fault", [500, 302, 404, "hang", "cut", "slow"])
def test_what_was_not_taken_is_told_again_in_its_turn_under_the_same_key(
    tmp_path: Path, receiver: Receiver, fault: int | str
) -> None:
    receiver.faults += [204, fault, fault]
    timeout_s = 1.5 if fault in {"hang", "slow"} else 20.0
    with station(tmp_path, settings(receiver.port, timeout_s=timeout_s)) as run:
        run.tell(1, 2, 3)
        all_taken(receiver, 1, 2, 3)
        wait_for(lambda: len(run.kinds()) == 5, "on record")
    first, again, *_ = keys = receiver.keys()
    assert keys[1:4] == [again] * 3
    assert len(keys) == 5 and first not in keys[1:], "nothing else was asked, at no other place"
    assert run.kinds() == ["acknowledged", "link_lost", "link_open", *["acknowledged"] * 2]


def test_a_server_that_hangs_holds_neither_the_inspector_nor_a_stop(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.faults += ["hang"] * 9
    with station(tmp_path, settings(receiver.port, timeout_s=30.0)) as run:
        run.tell(1)
        wait_for(lambda: receiver.came, "asked")
        begun_s = time.monotonic()
        run.tell(*range(2, 12))
        assert time.monotonic() - begun_s < 20.0
    assert run.kinds() == [], "it was the station that hung up"


def test_after_a_kill_the_log_has_what_was_not_told(tmp_path: Path, receiver: Receiver) -> None:
    with station(tmp_path, settings(free_port()), start=False) as killed:
        killed.tell(1, 2, announce=False)
    with station(tmp_path, settings(receiver.port)) as run:
        all_taken(receiver, 1, 2)
        run.tell(3)
        all_taken(receiver, 1, 2, 3)
    assert [each["is_replayed"] for each in receiver.taken] == [True, True, False]
    with station(tmp_path, settings(receiver.port)) as run:
        run.tell(4)
        all_taken(receiver, 1, 2, 3, 4)
    (tmp_path / "webhook-mes.json").write_text("torn")
    with station(tmp_path, settings(receiver.port)) as run:
        all_taken(receiver, 1, 2, 3, 4, 1, 2, 3, 4)
    assert len(set(receiver.keys())) == 4, "under the same keys"


def test_more_than_fit_the_memory_come_from_the_log_and_none_is_left_out(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_MOST_WAITING", 3)
    monkeypatch.setattr(backlog_module, "_AT_ONCE", 2)
    receiver.faults += [503]
    with station(tmp_path, settings(receiver.port), start=False) as run:
        run.tell(*range(1, 12))
        assert run.backlog.depth == 3
        run.start()
        all_taken(receiver, *range(1, 12))
        run.tell(*range(12, 20))
        all_taken(receiver, *range(1, 20))


def test_a_part_that_was_too_late_for_the_line_is_no_accept_from_the_log(
    tmp_path: Path, receiver: Receiver
) -> None:
    with station(tmp_path, settings(receiver.port), start=False) as run:
        run.tell(1, 2, announce=False)
        late = told_part(2, Disposition.ACCEPT).frame_id
        row = event(1, utc_now(), f"{late}: 400 ms, the deadline is 300 ms")
        run.ledger.append([replace(row, kind="late_announcement")], utc_now())
        run.start()
        all_taken(receiver, 1, 2)
    told = [(each["disposition"], each["reason"]) for each in receiver.taken]
    assert told[0][0] == "ACCEPT"
    assert told[1] == ("HOLD", "late")


def test_a_part_of_which_nobody_knows_whether_the_line_was_told_is_no_accept_from_the_log(
    tmp_path: Path, receiver: Receiver
) -> None:
    ids = [told_part(number, Disposition.ACCEPT).frame_id for number in range(1, 5)]
    views = [told_part(number, Disposition.ACCEPT).inspections[0] for number in (3, 4)]
    with station(tmp_path, settings(free_port()), start=False) as killed:
        killed.tell(1, 2, announce=False)
        killed.ledger.append([replace(each, attempt_id=ids[2]) for each in views], utc_now())
        row = replace(
            part(ids[2], disposition=Disposition.ACCEPT),
            part_id="3",
            recorded_at=utc_now(),
            frames=" ".join(ids[2:]),
            reason="all_views_pass",
        )
        killed.ledger.append([row], utc_now())
    with station(tmp_path, settings(receiver.port), start=False, perhaps_untold={ids[0]}) as run:
        assert run.ledger.ask(partial(parts_of, frames=[ids[1], ids[3]])) == {ids[1], ids[2]}
        noted = event(1, utc_now(), f"{ids[3]}: its row stood already")
        run.ledger.append([replace(noted, kind="announcement_unknown")], utc_now())
        run.tell(5)
        run.start()
        all_taken(receiver, 1, 2, 3, 5)
    told = [(each["disposition"], each["reason"]) for each in receiver.taken]
    unknown, known = ("HOLD", "recovered"), ("ACCEPT", "score_below_threshold")
    assert told == [unknown, known, unknown, known]


def test_a_part_whose_row_stands_is_not_told_before_the_line_is(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "_ANNOUNCED_WITHIN", timedelta(minutes=10))
    late = told_part(1, Disposition.ACCEPT)
    with station(tmp_path, settings(receiver.port), start=False) as run:
        run.ledger.append(late.inspections, utc_now())
        run.tell(2)
        assert run.backlog.next() is None
        run.output.announce(replace(late, disposition=Disposition.HOLD, reason="late"))
        run.start()
        all_taken(receiver, 1, 2)
    assert [each["disposition"] for each in receiver.taken] == ["HOLD", "ACCEPT"]


def test_a_look_at_a_long_log_holds_no_part(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, goes_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> list[LoggedPart]:
        looks.set()
        assert goes_on.wait(60)
        return parts_after(*given)

    monkeypatch.setattr(backlog_module, "parts_after", slowly)
    with station(tmp_path, settings(receiver.port)) as run:
        assert looks.wait(60)
        inspector = threading.Thread(target=run.tell, args=(1,))
        inspector.start()
        inspector.join(20)
        is_held = inspector.is_alive()
        goes_on.set()
        inspector.join(60)
        all_taken(receiver, 1)
    assert not is_held


def test_a_part_that_nobody_took_for_too_long_is_given_up_and_on_record(
    tmp_path: Path, receiver: Receiver
) -> None:
    with station(tmp_path, settings(receiver.port), start=False) as run:
        old = told_part(1, Disposition.ACCEPT)
        row = replace(old.inspections[0], recorded_at=utc_now() - timedelta(hours=80))
        run.ledger.append([row], utc_now())
        run.tell(2)
        run.output.announce(told_alone(replace(row, frame_id=old.frame_id)))
        run.start()
        wait_for(lambda: len(run.notes) >= 3, "on record", 60, 0.01)
    assert numbers(receiver) == ["2"]
    assert [str(note.kind) for note in run.notes] == ["link_lost", "acknowledged", "untold"]
    assert run.notes[0].detail == "1 parts are older than 72 h: given up"


def test_a_certificate_that_is_not_the_servers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mes.ca").write_bytes(authority.path.read_bytes())
    with receiving(issued(authority, tmp_path, "mes.plant")) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        good = settings(0, url=url, tls_name="mes.plant")
        assert Poster(good, lambda: False).post("key", b"{}") == "204 No Content"
        for wrong in ({"tls_name": "other.plant"}, {"tls_name": ""}):
            poster = Poster(good.model_copy(update=wrong), lambda: False)
            with pytest.raises(OutputError, match="certificate"):
                poster.post("key", b"{}")
        (tmp_path / "mes.ca").unlink()
        with pytest.raises(OutputError, match="certificate"):
            Poster(good, lambda: False).post("key", b"{}")
        assert len(receiver.came) == 1


@pytest.mark.parametrize("status", [b"HTTP/1.1 200 ", b"HTTP/1.1 500 ", b"no status "])
def test_of_what_a_server_says_only_a_few_words_come_into_the_log(status: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                wire.recv(4096)
                wire.sendall(status + b"x" * 60_000 + b"\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        given = settings(server.getsockname()[1], timeout_s=20.0)
        try:
            said = Poster(given, lambda: False).post("key", b"{}")
        except OutputError as fault:
            said = fault.message
        thread.join(10)
    assert 100 < len(said) < 400


def test_a_secret_that_is_missing_or_too_short_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(OutputError, match="no credential mes"):
        Poster(settings(1, signed=True), lambda: False)
    (tmp_path / "mes.secret").write_text("short")
    with pytest.raises(OutputError, match="has 5 bytes"):
        Poster(settings(1, signed=True), lambda: False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.7/", "expected https:// to another machine"),
        ("https://mes.plant/", 'expected "https'),
        ("https://user:pw@10.0.0.7/", 'expected "https'),
        ("https://10.0.0.7:70000/", 'expected "https'),
        ("https://10.0.0.7/a b", 'expected "https'),
        ("https://10.0.0.7/\r\nX: y", 'expected "https'),
        ("https://10.0.0.999/", "the address of a machine"),
        ("https://0.0.0.0/", "no address of one machine"),
        ("ftp://10.0.0.7/", 'expected "https'),
    ],
)
def test_a_place_that_is_no_one_server_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(1, url=url)
    assert said in str(refused.value)


def test_what_is_said_of_a_part_is_the_same_from_the_line_and_from_the_log(
    tmp_path: Path, receiver: Receiver
) -> None:
    told = told_part(7, Disposition.HOLD)
    held = told_alone(replace(told.inspections[0], hold_reason=HoldReason.RECOVERED))
    with station(tmp_path, settings(receiver.port), start=False) as run:
        run.ledger.append(held.inspections, utc_now())
        run.start()
        all_taken(receiver, 7)
    expected: PartMessage = replace(message_of(held, "line1"), is_replayed=True)
    assert receiver.taken == [json.loads(expected.body())]
