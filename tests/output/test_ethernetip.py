"""A Logix controller, whose tags the station reads and writes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from pydantic import ValidationError

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import (
    FROM_LINE_WORDS,
    TO_LINE,
    FromLine,
    accepts,
    decode_from_line,
    encode,
)
from qc_edge.output.links import LineLink, make_link
from tests.output.given import line_settings
from tests.output.logix_controller import LogixController
from tests.output.running import Running, running
from tests.station.harness import wait_for

COMMIT = TO_LINE[-1].address


def refuses(link: LineLink, why: str) -> bool:
    """Whether it cannot be opened, and says so."""
    with pytest.raises(OutputError) as fault:
        link.open(lambda: None)
    return why in fault.value.message


def told(run: Running, number: int) -> None:
    """One part, ACCEPT, as far as its commit."""
    run.peer.say(trigger=number)
    run.wait_for(lambda: run.peer.words().trigger_taken == number, "taken")
    run.tell(number, Disposition.ACCEPT)
    run.wait_for(lambda: accepts(run.peer.words(), number), "a result")


def test_the_commit_is_a_write_of_its_own_and_a_controller_without_power_is_a_lost_wire() -> None:
    with running("ethernetip", stands_ms=60_000.0) as run:
        controller = run.server
        assert isinstance(controller, LogixController)
        run.begin()
        told(run, 1)
        writes = controller.writes()
        assert set(writes) == {(0, COMMIT), (COMMIT, 1)}
        assert all(writes[at - 1] == (0, COMMIT) for at, each in enumerate(writes) if each[0])
        said = FromLine(reset=run.peer.words().reset_done, acknowledge=1, trigger=1)
        controller.say_words([65536 + 7, *encode(said)[1:]])
        run.wait_for(lambda: run.kinds() == ["acknowledged"], "heard: a heartbeat has no end")
        assert run.output.status.peers == (controller.settings["connect"],)
        controller.say_words([7, 70_000, *encode(said)[2:]])
        run.wait_for(lambda: len(run.output.status.peers) == 2, "said")
        said_of = ", ".join(run.output.status.peers)
        assert "reset: expected 0 to 65535 in each word, got 70000" in said_of
        controller.stop()
        run.wait_for(lambda: "link_lost" in {str(note.kind) for note in run.notes}, "lost")
        run.wait_for(lambda: "does not answer" in run.output.status.trouble, "said")


def test_words_that_are_no_words_are_refused() -> None:
    with pytest.raises(ValueError, match="part_id: expected 0 to 65535"):
        decode_from_line([0] * 7 + [-1] + [0] * (FROM_LINE_WORDS - 8))


def test_a_tag_that_is_not_there_or_too_short_is_said() -> None:
    controller = LogixController(words=COMMIT)
    try:
        for tag, expected in (("Other", "the tag Other_FromLine"), ("QcEdge", "QcEdge_ToLine")):
            given = {"name": "plc", "protocol": "ethernetip", "tag": tag} | controller.settings
            link = make_link(line_settings(given))

            wait_for(partial(refuses, link, expected), expected, 30, 0.05)
            link.close()
    finally:
        controller.stop()


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """One that says this to whatever comes first, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                wire.recv(4096)
                wire.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize(
    "answer", [b"", b"\x65\x00\x04", b"\x65\x00\x04\x00" + bytes(20), b"x" * 99]
)
def test_one_that_is_no_controller_is_said(answer: bytes) -> None:
    with answering(answer) as port:
        given = {"name": "plc", "protocol": "ethernetip", "connect": f"127.0.0.1:{port}"}
        link = make_link(line_settings(given))

        wait_for(partial(refuses, link, "does not answer"), "said", 30, 0.05)
        link.close()
        assert link.peers == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"connect": "[fe80::1]:44818"}, "expected an IPv4 address"),
        ({"tag": "Qc__Edge"}, "should match pattern"),
        ({"tag": "9"}, "should match pattern"),
    ],
)
def test_what_no_controller_has_is_refused(wrong: dict[str, str], said: str) -> None:
    given = {"name": "plc", "protocol": "ethernetip", "connect": "10.0.0.20:44818"}
    with pytest.raises(ValidationError, match=said):
        line_settings(given | wrong)
