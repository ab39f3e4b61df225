"""A Modbus TCP server: the line reads the words from address 0 on and writes those from 100 on.

The one module that knows pymodbus. The server runs on a thread of its own with an event loop; each
request is answered whole between two others, so that none sees half a result.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import (
    FROM_LINE_AT,
    FROM_LINE_WORDS,
    TO_LINE_WORDS,
    FromLine,
    ToLine,
    decode_from_line,
    encode,
)
from qc_edge.output.links import Heard
from qc_edge.settings.outside.output import OutputSettings

try:
    from pymodbus.constants import ExcCodes
    from pymodbus.server import ModbusTcpServer
    from pymodbus.server.requesthandler import ServerRequestHandler
    from pymodbus.simulator import DataType, SimData, SimDevice
except ImportError as fault:
    raise OutputError(
        f"the protocol modbus needs pymodbus, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[modbus]'",
    ) from fault

# What goes wrong is said in the station's own words; pymodbus would say each retry and each request
# of a stranger on stderr.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_START_S = 5.0
_MOST_CONNECTIONS = 8
_MOST_HEARD = 4096
_MASTER_NS = 5_000_000_000
"""A master that has not written for so long may be another's."""

_FUNCTIONS = {3, 4, 6, 16, 23}
_LAST = FROM_LINE_AT + FROM_LINE_WORDS

_connection: ContextVar[_Connection] = ContextVar("connection")


class _Connection(ServerRequestHandler):
    """One client, of an address that may connect."""

    address = ""

    def callback_connected(self) -> None:
        super().callback_connected()
        self.address = str(self.transport.get_extra_info("peername")[0])
        if not self.server.link.admit(self.address, len(self.server.active_connections)):
            self.close()

    async def handle_request(self) -> None:
        _connection.set(self)  # each request is a task, with a context of its own
        await super().handle_request()  # type: ignore[no-untyped-call]


class _Server(ModbusTcpServer):
    """pymodbus's, with connections that know who they are."""

    def __init__(self, link: ModbusLink, device: SimDevice, address: tuple[str, int]) -> None:
        super().__init__(device, address=address)
        self.link = link

    def callback_new_connection(self) -> _Connection:
        traces = (self.trace_packet, self.trace_pdu, self.trace_connect)
        return _Connection(self, *traces)  # type: ignore[no-untyped-call]


class ModbusLink:
    """Fulfils `qc_edge.output.links.LineLink`."""

    def __init__(self, settings: OutputSettings) -> None:
        self._host, self._port = settings.host, settings.port
        self._allowed = frozenset(settings.peers)
        self._shown = encode(ToLine())
        self._written = encode(FromLine())
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        self._wake: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: _Server | None = None
        self._fault = ""
        self._master: _Connection | None = None
        self._written_ns = 0
        self._turned_away: dict[str, int] = {}

    def open(self, wake: Callable[[], None]) -> None:
        """Listen. Raises OutputError if the address or the port is not to be had."""
        self._wake, self._fault = wake, ""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name=f"modbus-{self._port}", daemon=True
        )
        self._thread.start()
        if not ready.wait(_START_S):
            self._fault = f"no answer within {_START_S:g} s"
        if self._fault:
            raise OutputError(
                f"cannot listen at {self._host}:{self._port}: {self._fault}",
                hint="is the address one of this machine, and the port free? ip address; ss -ltn",
            )

    def show(self, words: ToLine) -> None:
        """The answers from now on: one assignment, so never half of it."""
        self._shown = encode(words)

    def heard(self) -> list[Heard]:
        """What was written, in order. Raises OutputError if the server has ended by itself."""
        if self._fault:
            raise OutputError(f"the Modbus server has ended: {self._fault}")
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    @property
    def peers(self) -> tuple[str, ...]:
        """Who is connected, and who was turned away."""
        server = self._server
        if server is None:
            return ()
        here = sorted(
            f"{each.address}{' (writes)' if each is self._master else ''}"
            for each in list(server.active_connections.values())
            if isinstance(each, _Connection) and each.address in self._allowed
        )
        away = [f"{who} turned away {times}x" for who, times in dict(self._turned_away).items()]
        return (*here, *away)

    def close(self) -> None:
        """Close the port and every connection."""
        thread, loop, server = self._thread, self._loop, self._server
        if thread is None or loop is None or server is None:
            return
        end = server.shutdown  # a coroutine
        with suppress(RuntimeError):  # the loop is closed: the server has ended by itself
            loop.call_soon_threadsafe(lambda: loop.create_task(end()))  # type: ignore[no-untyped-call]
        thread.join(_START_S)
        self._thread = self._loop = self._server = self._master = None
        self._shown, self._written = encode(ToLine()), encode(FromLine())

    def admit(self, address: str, connections: int) -> bool:
        """Whether this client may stay. Called by the server's thread."""
        if address in self._allowed and connections <= _MOST_CONNECTIONS:
            return True
        if address in self._turned_away or len(self._turned_away) < _MOST_CONNECTIONS:
            self._turned_away[address] = self._turned_away.get(address, 0) + 1
        return False

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except (OSError, RuntimeError) as fault:
            self._fault = str(fault)
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        registers = SimData(0, values=[0] * _LAST, datatype=DataType.REGISTERS)
        # Whatever unit a master asks for: 0 stands for all of them.
        device = SimDevice(0, simdata=[registers], action=self._act)
        self._server = server = _Server(self, device, (self._host, self._port))
        try:
            await server.serve_forever(background=True)
            ready.set()
            await server.serving
        finally:  # however it ends, the port is free again
            await server.shutdown()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # the connections' sockets close in the loop's next turn

    async def _act(
        self,
        function: int,
        _start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[Any] | None,
    ) -> ExcCodes | None:
        """Before each access: refuse what nobody may do, and bring the registers up to date."""
        if function not in _FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        registers[:TO_LINE_WORDS] = self._shown
        if values is None:
            return None
        if address < FROM_LINE_AT or address + count > _LAST:
            return ExcCodes.ILLEGAL_ADDRESS
        return self._write(_connection.get(), address, [int(value) for value in values])

    def _write(self, writer: _Connection, address: int, values: list[int]) -> ExcCodes | None:
        now_ns = time.monotonic_ns()
        if not self._is_master(writer, now_ns):
            return ExcCodes.DEVICE_BUSY
        written = list(self._written)
        first = address - FROM_LINE_AT
        written[first : first + len(values)] = values
        try:
            words = decode_from_line(written)
        except ValueError:
            return ExcCodes.ILLEGAL_VALUE
        with self._lock:
            if len(self._heard) >= _MOST_HEARD:
                return ExcCodes.DEVICE_BUSY
            self._heard.append(Heard(words, now_ns))
        self._written, self._master, self._written_ns = written, writer, now_ns
        self._wake()
        return None

    def _is_master(self, writer: _Connection, now_ns: int) -> bool:
        """One master at a time. Another address may take its place once it has gone or been silent;
        the same address at once, for it may have been started anew.
        """
        master = self._master
        return (
            master is None
            or not master.is_active()
            or master.address == writer.address
            or now_ns - self._written_ns > _MASTER_NS
        )


def make_link(settings: OutputSettings) -> ModbusLink:
    """The server of these settings."""
    return ModbusLink(settings)
