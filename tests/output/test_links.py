"""One contract for every protocol: a running output, and at the other end a peer of others."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError
from qc_edge.output.handshake.judged import Note, NoteKind
from qc_edge.output.handshake.words import (
    FROM_LINE,
    FROM_LINE_AT,
    TO_LINE_WORDS,
    StateBit,
    accepts,
)
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import make_link
from qc_edge.output.links.modbus import ModbusLink
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.service.heartbeat import Heartbeat
from tests.output.given import line_settings
from tests.output.libmodbus import Master, ModbusRefusedError
from tests.output.parts import told_part
from tests.output.running import OTHER_ENDS, Running, running
from tests.station.harness import wait_for

AT = {place.name: place.address for place in FROM_LINE}


def asked(wire: socket.socket, function: int, address: int, count: int, *more: int) -> bytes:
    """The answer to one request, made by hand: a writer of values, a byte each, ends with them."""
    pdu = bytes([1, function]) + address.to_bytes(2, "big") + count.to_bytes(2, "big") + bytes(more)
    wire.sendall(bytes([0, 1, 0, 0]) + len(pdu).to_bytes(2, "big") + pdu)
    return wire.recv(300)


@pytest.fixture(scope="module", params=OTHER_ENDS)
def of_protocol(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(str(request.param), stands_ms=1500.0) as run:
        yield run


@pytest.fixture
def run(of_protocol: Running) -> Running:
    """Of each protocol, with its line that has just reset."""
    of_protocol.begin()
    of_protocol.notes.clear()
    return of_protocol


def test_a_part_is_told_and_acknowledged(run: Running) -> None:
    before = run.peer.words()
    for number, disposition in enumerate([*Disposition, Disposition.ACCEPT], 1):
        run.peer.say(part_id=f"SN-{number}", trigger=number)
        run.wait_for(lambda n=number: run.peer.words().trigger_taken == n, "taken")
        run.tell(number, disposition)
        words = run.wait_for(lambda n=number: (w := run.peer.words()).commit == n and w, "a result")
        assert accepts(words, number) is (disposition is Disposition.ACCEPT)
        assert (words.part_id, words.recipe, words.reason) == (str(number), 3, 1)
        run.peer.say(acknowledge=number)
        run.wait_for(lambda: run.peer.words().sequence == 0, "taken away")
    words = run.peer.words()
    counted = [
        getattr(words, name) - getattr(before, name)
        for name in ("triggers", "accepted", "rejected", "held")
    ]
    assert counted == [4, 2, 1, 1]
    assert run.kinds() == ["acknowledged"] * 4
    assert [note.line_part_id for note in run.notes if note.part] == [
        f"SN-{number}" for number in range(1, 5)
    ]


def test_the_heartbeat_goes_on_and_a_stop_takes_ready_away(run: Running) -> None:
    before = run.peer.words().heartbeat
    run.wait_for(lambda: run.peer.words().heartbeat != before, "another heartbeat")
    run.output.report(LineHealth(is_ready=False))
    run.wait_for(lambda: not run.peer.words().state & StateBit.READY, "not ready")


def test_a_result_that_nobody_acknowledges_is_noted(run: Running) -> None:
    run.peer.say(trigger=1)
    run.wait_for(lambda: run.peer.words().trigger_taken == 1, "taken")
    run.tell(1, Disposition.ACCEPT)
    run.wait_for(lambda: run.kinds() == ["unacknowledged"], "noted")
    run.wait_for(lambda: run.peer.words().sequence == 0, "taken away")


def test_a_wire_that_cannot_be_had_is_tried_again() -> None:
    given = {"name": "robot", "protocol": "scripted", "sequence": "station"}
    settings = line_settings(given)
    link = ScriptedLink("robot")
    link.refuse = "no such address"
    notes: list[Note] = []
    output = LineOutput(settings, 1000.0, link, "boot", notes.append)
    stop = threading.Event()
    thread = threading.Thread(target=output.run, args=(Heartbeat("robot", 5.0), stop))
    thread.start()
    try:
        wait_for(lambda: output.status.trouble == "no such address", "the trouble")
        output.announce(told_part(1, Disposition.ACCEPT))
        wait_for(lambda: notes[-1].detail == "there is no wire", "untold")
        link.refuse = ""
        wait_for(lambda: not output.status.trouble, "open")
        link.cut = "the cable is out"
        wait_for(lambda: output.status.trouble == "the cable is out", "lost")
    finally:
        stop.set()
        thread.join(10)
    assert [str(note.kind) for note in notes] == [
        *("link_lost", "untold"),
        *("link_open", "link_lost"),
    ]


def test_a_part_that_comes_while_it_stops_is_on_record_as_untold() -> None:
    settings = line_settings({"name": "robot", "protocol": "scripted"})
    notes: list[Note] = []
    output = LineOutput(settings, 1000.0, ScriptedLink("robot"), "boot", notes.append)
    output.announce(told_part(1, Disposition.ACCEPT))
    output.close()
    assert [(str(note.kind), note.detail) for note in notes] == [("untold", "the station stops")]


def port_of(run: Running) -> int:
    """Where it listens."""
    return run.output.settings.listens[0][1]


def modbus_of(run: Running) -> ModbusLink:
    """The wire of an output that runs."""
    assert isinstance(run.output._link, ModbusLink)
    return run.output._link


def server_ends(run: Running) -> list[socket.socket]:
    """The station's sockets of its connections."""
    server = modbus_of(run)._server
    assert server
    found = list(server.active_connections.values())
    return [each.transport.get_extra_info("socket") for each in found if each.is_active()]


class TestModbus:
    """What only Modbus has."""

    def test_a_master_may_write_its_own_words_and_no_other(self) -> None:
        with running("modbus") as run:
            master = run.peer
            assert isinstance(master, Master)
            run.begin()
            before = master.words()
            for address, values in ((0, [1]), (20, [1, 2]), (FROM_LINE_AT - 1, [1, 1]), (200, [1])):
                with pytest.raises(ModbusRefusedError, match="Illegal data address"):
                    master.write(address, values)
            with pytest.raises(ModbusRefusedError, match="Illegal data value"):
                master.write(AT["part_id"], [0x0707])
            with pytest.raises(ModbusRefusedError, match="Illegal function"):
                master.write_coil(FROM_LINE_AT)
            assert master.words().sequence == before.sequence == 0
            master.write_one(AT["trigger"], 5)
            run.wait_for(lambda: master.words().trigger_taken == 5, "taken")
            assert master.read(AT["trigger"], 1) == [5], "it reads back what it wrote"

    def test_another_address_than_the_peers_is_turned_away(self) -> None:
        with running("modbus") as run:
            assert isinstance(run.peer, Master)
            port = port_of(run)
            stranger = socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.2", 0))
            with stranger:
                stranger.settimeout(5)
                assert stranger.recv(1) == b"", "hung up"
            run.wait_for(
                lambda: "127.0.0.2 turned away 1x" in run.output.status.peers, "on the status"
            )
            assert run.peer.words().session == run.output.status.words.session

    def test_a_second_master_reads_and_may_not_write(self) -> None:
        with running("modbus", peers=["127.0.0.1", "127.0.0.2"]) as run:
            run.begin()
            port = port_of(run)
            with socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.2", 0)) as second:
                second.settimeout(5)
                answer = asked(second, 16, AT["trigger"], 1, 2, 0, 9)
                assert list(answer[-2:]) == [0x80 | 16, 6], "busy"
                assert asked(second, 3, 0, 1)[-2:] == run.peer.words().session.to_bytes(2, "big")

    def test_a_program_that_began_anew_gets_no_result_of_before_by_the_same_numbers(self) -> None:
        with running("modbus", stands_ms=60_000.0) as run:
            run.begin()
            run.peer.say(trigger=1)
            run.wait_for(lambda: run.peer.words().trigger_taken == 1, "taken")
            run.tell(1, Disposition.ACCEPT)
            run.wait_for(lambda: accepts(run.peer.words(), 1), "a result")
            with Master(port_of(run)) as anew:
                anew.say(heartbeat=9)
                assert accepts(anew.words(), 1)
                anew.say(trigger=1)
                run.wait_for(lambda: anew.words().state & StateBit.RESET_NEEDED, "not ready")
                assert (anew.words().sequence, anew.words().trigger_taken) == (0, 0)
                now = anew.words().heartbeat
                run.wait_for(lambda: anew.words().heartbeat not in {now, now + 1}, "two beats")
                assert anew.words().state & StateBit.RESET_NEEDED, "the old program's reset is over"
            with Master(port_of(run)) as anew:
                anew.say(reset=1)
                run.wait_for(lambda: anew.words().state & StateBit.READY, "ready")
                anew.say(trigger=0)
                anew.say(trigger=1)
                run.wait_for(lambda: anew.words().trigger_taken == 1, "taken")
                assert anew.words().sequence == 0
        assert run.kinds() == ["unacknowledged", "untold"]
        assert [note.kind for note in run.notes].count(NoteKind.RESET) == 2

    def test_bytes_that_are_no_request_do_not_stop_it(self) -> None:
        chance = random.Random(51)
        with running("modbus") as run:
            run.begin()
            port = port_of(run)
            for number in range(60):
                with socket.create_connection(("127.0.0.1", port), 5) as stranger:
                    said = chance.randbytes(chance.randrange(1, 300))
                    header = bytes([0, 1, 0, 0, 0, len(said) % 256, 1])
                    stranger.sendall(header + said if number % 2 else said)
            assert run.peer.words().session == run.output.status.words.session
            assert run.peer.words().trigger_taken in {0, run.output.status.words.trigger_taken}

    def test_silent_connections_give_way_and_the_kernel_ends_dead_ones(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with running("modbus") as run, ExitStack() as ends:
            run.begin()
            at = ("127.0.0.1", port_of(run))
            silent = [ends.enter_context(socket.create_connection(at, 5)) for _ in range(7)]
            run.wait_for(lambda: len(run.output.status.peers) == 8, "all connected")
            assert run.peer.words().session
            with socket.create_connection(at, 5) as ninth:
                assert ninth.recv(1) == b"", "turned away: all have been here for a moment only"
            monkeypatch.setattr("qc_edge.output.links.modbus_clients._SILENT_NS", 0)
            with Master(at[1]) as tenth:
                assert tenth.words().session == run.peer.words().session
            silent[0].settimeout(5)
            assert silent[0].recv(1) == b"", "the longest silent hung up"
            for wire in server_ends(run):
                assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000

    def test_a_client_that_never_reads_is_hung_up(self) -> None:
        with running("modbus") as run, socket.socket() as deaf:
            run.begin()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            deaf.connect(("127.0.0.1", port_of(run)))
            run.wait_for(lambda: len(server_ends(run)) == 2, "connected")
            for wire in server_ends(run):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            request = bytes([0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, TO_LINE_WORDS])

            def is_hung_up() -> bool:
                try:
                    deaf.sendall(request)
                except ConnectionError:
                    return True
                return False

            wait_for(is_hung_up, "hung up", 10, 0.0005)
            assert run.peer.words().session == run.output.status.words.session

    def test_a_server_that_ended_by_itself_is_opened_again(self) -> None:
        with running("modbus") as run:
            run.begin()
            link = modbus_of(run)
            assert link._loop
            link._loop.call_soon_threadsafe(link._loop.stop)
            run.wait_for(lambda: "link_lost" in {str(note.kind) for note in run.notes}, "lost")
            run.wait_for(lambda: not run.output.status.trouble, "open again")
            with Master(port_of(run)) as anew:
                assert anew.words().session == run.output.status.words.session

    def test_a_port_that_is_taken_is_said(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            settings = line_settings(
                {
                    "name": "plc",
                    "protocol": "modbus",
                    "listen": f"127.0.0.1:{taken.getsockname()[1]}",
                    "peers": ["127.0.0.1"],
                }
            )
            with pytest.raises(OutputError, match="cannot listen at 127"):
                make_link(settings).open(lambda: None)
