"""An output that runs, and the other end of its wire: one for each protocol, not of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pytest

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.words import Fault, StateBit, ToLine
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import LineLink, make_link
from qc_edge.output.links.scripted import ScriptedLink
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.output import LineSettings
from tests.output import node_opcua
from tests.output.certificates import opcua_certificate
from tests.output.given import line_settings
from tests.output.libmodbus import Master
from tests.output.logix_controller import LogixController
from tests.output.mosquitto import PASSWORD, TOPIC, USER, Broker, MqttLine
from tests.output.node_opcua import OpcuaClient
from tests.output.parts import told_part
from tests.output.ports import free_port
from tests.output.s7_controller import S7Controller
from tests.station.harness import wait_for


class Peer(Protocol):
    """The line's end."""

    def words(self) -> ToLine: ...
    def say(self, **values: Any) -> None: ...
    def close(self) -> None: ...


class ScriptedPeer:
    """The test itself."""

    def __init__(self, link: ScriptedLink) -> None:
        self._link = link

    def words(self) -> ToLine:
        """What it reads."""
        return self._link.words

    def say(self, **values: Any) -> None:
        """What it writes."""
        self._link.write(**values)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class OtherEnd:
    """What stands at the other end: settings that find it, and a peer once the output is open."""

    given: dict[str, Any]
    connect: Callable[[LineSettings, LineLink], Peer]
    server: Any = None


@contextmanager
def _scripted_end() -> Iterator[OtherEnd]:
    def connect(_settings: LineSettings, link: LineLink) -> Peer:
        assert isinstance(link, ScriptedLink)
        return ScriptedPeer(link)

    yield OtherEnd({}, connect)


@contextmanager
def _modbus_end() -> Iterator[OtherEnd]:
    given = {"listen": f"127.0.0.1:{free_port()}", "peers": ["127.0.0.1"]}
    yield OtherEnd(given, lambda settings, _: Master(settings.listens[0][1]))


@contextmanager
def _mqtt_end() -> Iterator[OtherEnd]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "plc.login").write_text(f"{USER}\n{PASSWORD}\n")
        broker = Broker(Path(folder))
        at = {"broker": f"127.0.0.1:{broker.port}", "topic": TOPIC, "tls": False}
        try:
            with pytest.MonkeyPatch.context() as patched:
                patched.setenv("CREDENTIALS_DIRECTORY", folder)
                yield OtherEnd(at, lambda _settings, _link: MqttLine(broker.port), broker)
        finally:
            broker.stop()


@contextmanager
def _s7_end() -> Iterator[OtherEnd]:
    controller = S7Controller(free_port())
    try:
        yield OtherEnd(controller.settings, lambda _settings, _link: controller, controller)
        assert controller.words().commit == 0, "nothing is left there that may be read as a result"
    finally:
        controller.stop()


@contextmanager
def _ethernetip_end() -> Iterator[OtherEnd]:
    controller = LogixController()
    try:
        yield OtherEnd(controller.settings, lambda _settings, _link: controller, controller)
        if controller.has_power:
            assert controller.words().commit == 0, "nothing is left that may be read as a result"
    finally:
        controller.stop()


@contextmanager
def _opcua_end() -> Iterator[OtherEnd]:
    with TemporaryDirectory() as made, pytest.MonkeyPatch.context() as patched:
        folder = Path(made)
        opcua_certificate(folder, "plc", "urn:freeopcua:python:server")
        opcua_certificate(folder, "plc-client", "urn:plc")
        (folder / "plc.pem").rename(folder / "plc.cert")
        (folder / "plc.trusted").write_bytes((folder / "plc-client.pem").read_bytes())
        (folder / "plc.users").write_text(
            f"{node_opcua.USER}:{node_opcua.PASSWORD}\nother:{node_opcua.PASSWORD}\n"
        )
        patched.setenv("CREDENTIALS_DIRECTORY", made)
        place = f"127.0.0.1:{free_port()}"
        given = {"listen": place, "peers": ["127.0.0.1"]}
        yield OtherEnd(given, lambda *_: OpcuaClient(place, folder, types=True), folder)


OTHER_ENDS: dict[str, Callable[[], AbstractContextManager[OtherEnd]]] = {
    "scripted": _scripted_end,
    "modbus": _modbus_end,
    "mqtt": _mqtt_end,
    "s7": _s7_end,
    "ethernetip": _ethernetip_end,
    "opcua": _opcua_end,
}
"""protocol -> its other end: the contract of test_links.py runs on each."""


@dataclass
class Running:
    """An output that runs, its peer, and what it put on record."""

    output: LineOutput
    peer: Peer
    notes: list[Note] = field(default_factory=list)
    server: Any = None

    def begin(self) -> None:
        """The line resets, which it has to before anything."""
        self.output.report(LineHealth(is_ready=True, faults=Fault(0), recipe=3))
        reset = self.peer.words().reset_done % 65535 + 1
        self.peer.say(heartbeat=reset, reset=reset, trigger=0, acknowledge=0)

        def is_ready() -> bool:
            words = self.peer.words()
            return words.reset_done == reset and bool(words.state & StateBit.READY)

        self.wait_for(is_ready, "ready")

    def tell(self, number: int, disposition: Disposition) -> None:
        """The inspector's call."""
        self.output.announce(told_part(number, disposition))

    def wait_for(self, condition: Any, what: str) -> Any:
        """Until it is so."""
        return wait_for(condition, what, 10, 0.002)

    def kinds(self) -> list[str]:
        """What happened, without the wire's own."""
        return [str(n.kind) for n in self.notes if n.kind not in ("link_open", "reset")]


@contextmanager
def running(protocol: str, **more: Any) -> Iterator[Running]:
    """An output of this protocol on a thread, with its peer connected."""
    with OTHER_ENDS[protocol]() as end:
        given = {"heartbeat_ms": 20.0, "peer_heartbeat_ms": 0.0} | end.given | more
        settings = line_settings({"name": "plc", "protocol": protocol} | given)
        notes: list[Note] = []
        link = make_link(settings)
        output = LineOutput(settings, 10_000.0, link, "boot", notes.append)
        stop = threading.Event()
        thread = threading.Thread(target=output.run, args=(Heartbeat("plc", 5.0), stop))
        thread.start()
        peer: Peer | None = None
        try:
            wait_for(lambda: not output.status.trouble, "open", 90)  # OPC UA: 8,000 nodes
            peer = end.connect(settings, link)
            yield Running(output, peer, notes, end.server)
        finally:
            if peer is not None:
                peer.close()
            stop.set()
            thread.join(10)
            assert not thread.is_alive()
