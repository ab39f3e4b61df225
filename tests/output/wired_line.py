"""A station's output and the line's program, with a real wire between them that fails: the rule of
docs/plc.md in real time, and what became of each part.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.words import Fault, StateBit, ToLine, accepts
from qc_edge.output.health import LineHealth
from qc_edge.output.line_output import LineOutput
from qc_edge.output.links import make_link
from qc_edge.service.heartbeat import Heartbeat
from tests.output.faulty_wire import FaultyWire
from tests.output.given import line_settings
from tests.output.libmodbus import Master, ModbusRefusedError
from tests.output.mosquitto import MqttLine
from tests.output.node_opcua import OpcuaClient, OpcuaFaultError
from tests.output.parts import told_part
from tests.output.running import OTHER_ENDS, OtherEnd, Peer
from tests.station.harness import wait_for

DEADLINE_MS = 400.0
PATIENCE_S = 0.7
"""Of the line's program: longer than the deadline."""
FAILS = (ModbusRefusedError, OpcuaFaultError, OSError, queue.Empty)
_PLACES = ("listen", "broker", "connect")


@dataclass
class Piece:
    """A part, what it truly is and where it lies in the end."""

    number: int
    truth: Disposition
    bin: str = ""


class WiredStation:
    """The station's end: an output that may be started anew, and the rows of its parts."""

    def __init__(self, protocol: str, given: dict[str, Any]) -> None:
        more = {"heartbeat_ms": 50.0, "peer_heartbeat_ms": 0.0, "stands_ms": 300.0}
        at = {"name": "plc", "protocol": protocol, "frame_way_ms": 20.0}
        self.settings = line_settings(at | more | given)
        self.rows: dict[int, Disposition] = {}
        self.notes: list[Note] = []
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._start()

    def _start(self) -> None:
        link = make_link(self.settings)
        self.output = LineOutput(self.settings, DEADLINE_MS, link, "boot", self.notes.append)
        self._stop = threading.Event()
        given = (Heartbeat("plc", 60.0), self._stop)
        self._thread = threading.Thread(target=self.output.run, args=given)
        self._thread.start()

    def restart(self) -> None:
        """Another session."""
        with self._lock:
            self.close()
            self._start()

    def close(self) -> None:
        """It stops."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the wire holds the stop"

    def tell_health(self) -> None:
        """All is well, which an output forgets after a while."""
        self.output.report(LineHealth(is_ready=True, faults=Fault(0)))

    def expose(self, piece: Piece, takes_s: float) -> None:
        """Its frame is on the way: the row first, then the line."""
        part, output = told_part(piece.number, piece.truth), self.output

        def judge() -> None:
            with self._lock:
                is_same = output is self.output
                self.rows[piece.number] = piece.truth if is_same else Disposition.HOLD
                if is_same:
                    output.announce(part)

        self._timers.append(threading.Timer(takes_s, judge))
        self._timers[-1].start()

    def finish(self) -> None:
        """All frames are judged."""
        for each in self._timers:
            each.join(30)


class LineProgram:
    """The line's end: one part after the other, by the documented rule."""

    def __init__(
        self, station: WiredStation, connect: Callable[[], Peer], chance: random.Random
    ) -> None:
        self._station, self._connect, self._chance = station, connect, chance
        self.pieces: list[Piece] = []
        self.sequence, self._session, self._must_reset = 0, -1, True
        self._peer: Peer | None = None
        self._ended = threading.Event()

    def begin_anew(self) -> None:
        """The controller is switched off and on."""
        self._hang_up()
        self.sequence = self._chance.choice((0, 0, 65_530))

    def play(self, takes_s: float | None) -> Piece:
        """One part; its frame takes so long to be judged, or never comes (None)."""
        self._get_ready()
        number = self.sequence = self.sequence % 0xFFFF + 1
        truth = self._chance.choice([*Disposition, Disposition.ACCEPT])
        piece = Piece(len(self.pieces) + 1, truth, "held back")
        self.pieces.append(piece)
        self._say(trigger=number)
        if not self._read_until(lambda words: words.trigger_taken == number):
            self._must_reset = True
            return piece
        if takes_s is not None:
            self._station.expose(piece, takes_s)
        words = self._read_until(lambda words: words.sequence == words.commit == number)
        if words and accepts(words, number):
            row = self._station.rows.get(piece.number)
            assert row is truth is Disposition.ACCEPT, f"{piece}: its row says {row}"
            assert words.part_id == str(piece.number), f"{piece}: the result is {words.part_id}'s"
            piece.bin = "accepted"
        self._must_reset = words is None
        self._say(acknowledge=number)
        return piece

    def close(self) -> None:
        """It ends."""
        self._ended.set()
        self._hang_up()

    def _get_ready(self) -> None:
        def is_ready() -> bool:
            self._station.tell_health()
            words = self._ask(lambda peer: peer.words())
            if words is None:
                return False
            is_lost = words.session != self._session or words.state & StateBit.RESET_NEEDED
            if is_lost or self._must_reset:
                self._session = words.session
                wanted = words.reset_done % 0xFFFF + 1
                self._say(reset=wanted, trigger=0, acknowledge=0)
                done = self._read_until(lambda now: now.reset_done == wanted)
                self._must_reset = done is None
                return False
            return bool(words.state & StateBit.READY)

        wait_for(is_ready, "the line goes on", 120)

    def _read_until(self, fits: Callable[[ToLine], bool]) -> ToLine | None:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            words: ToLine | None = self._ask(lambda peer: peer.words())
            if words is None or words.session != self._session:
                return None
            if fits(words):
                return words
            self._ended.wait(0.001)
        return None

    def _say(self, **values: int) -> None:
        self._ask(lambda peer: peer.say(**values))

    def _ask(self, what: Callable[[Peer], Any]) -> Any:
        try:
            if self._peer is None:
                self._must_reset = True
                self._peer = self._connect()
            return what(self._peer)
        except FAILS:
            self._hang_up()
            return None

    def _hang_up(self) -> None:
        peer, self._peer, self._must_reset = self._peer, None, True
        if peer is not None:
            with suppress(*FAILS):
                peer.close()


@dataclass
class WiredLine:
    """Both ends and the wire."""

    protocol: str
    station: WiredStation
    wire: FaultyWire
    program: LineProgram
    connect: Callable[[], Peer]

    def check(self) -> Counter[str]:
        """In the end: each part is in a bin, and each that was exposed and judged was told of, or
        stands there as untold. What lies in the bins.
        """
        self.station.finish()
        bins = Counter(each.bin for each in self.program.pieces)
        assert not bins[""], "a part in no bin"
        told = {number for number, row in self.station.rows.items() if row is not Disposition.HOLD}
        wait_for(lambda: told <= self._noted(), "each has its note", 60)
        return bins

    def _noted(self) -> set[int]:
        return {int(note.part.part_id) for note in self.station.notes if note.part}


@contextmanager
def wired(protocol: str, seed: int) -> Iterator[WiredLine]:
    """A station and a line of this protocol."""
    with OTHER_ENDS[protocol]() as end:
        place = next(key for key in _PLACES if key in end.given)
        port = int(str(end.given[place]).rpartition(":")[2])
        wire = FaultyWire(port)
        calls = {} if place == "listen" else {place: f"127.0.0.1:{wire.port}"}
        station = WiredStation(protocol, end.given | calls)
        connect = _connecting(protocol, wire.port if place == "listen" else port, end)
        program = LineProgram(station, connect, random.Random(seed))
        try:
            yield WiredLine(protocol, station, wire, program, connect)
        finally:
            wire.heal()
            program.close()
            station.close()
            wire.close()


def _connecting(protocol: str, port: int, end: OtherEnd) -> Callable[[], Peer]:
    made: dict[str, Callable[[], Peer]] = {
        "modbus": lambda: Master(port, patience_ms=300),
        "mqtt": lambda: MqttLine(port),
        "s7": lambda: end.server,
        "opcua": lambda: OpcuaClient(f"127.0.0.1:{port}", end.server, patience_s=2.0),
    }
    return made[protocol]
