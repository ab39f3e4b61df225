"""The clients of a Modbus TCP server: which may stay, and those that hang up or never read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from contextvars import ContextVar

from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import SimDevice

from qc_edge.output.links.keepalive import end_when_dead

# What goes wrong is said in the station's own words; pymodbus would say each retry and each request
# of a stranger on stderr.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_MOST_CONNECTIONS = 8
_MOST_UNREAD = 16_384
"""Bytes of answers that one client has not read, beyond what the kernel holds for it."""
_SILENT_NS = 5_000_000_000
"""A client that has asked nothing for so long may be gone: another one may have its place."""

asking: ContextVar[Connection] = ContextVar("asking")
"""Whose request is being answered."""


class Connection(ServerRequestHandler):
    """One client. `address` is empty until it was admitted."""

    address = ""
    asked_ns = 0

    def callback_connected(self) -> None:
        """Admit it, or hang up."""
        super().callback_connected()
        end_when_dead(self.transport.get_extra_info("socket"))
        address = str(self.transport.get_extra_info("peername")[0])
        if not self.server.clients.admit(address, self.server.connections):
            self.close()
            return
        self.address, self.asked_ns = address, time.monotonic_ns()

    async def handle_request(self) -> None:
        """Answer one, unless the client has stopped reading."""
        self.asked_ns = time.monotonic_ns()
        # pymodbus writes on, whatever waits: a client that never reads would fill the memory.
        wire = self.transport
        if isinstance(wire, asyncio.WriteTransport) and wire.get_write_buffer_size() > _MOST_UNREAD:
            self.server.clients.turn_away(self.address)
            self.hang_up()
            return
        asking.set(self)  # each request is a task, with a context of its own
        await super().handle_request()  # type: ignore[no-untyped-call]

    def hang_up(self) -> None:
        """End it at once, whatever it has not read."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        self.close()


class Server(ModbusTcpServer):
    """pymodbus's, with connections that know who they are."""

    def __init__(self, clients: Clients, device: SimDevice, address: tuple[str, int]) -> None:
        super().__init__(device, address=address)
        self.clients = clients

    @property
    def connections(self) -> list[Connection]:
        """Those that were admitted."""
        found = list(self.active_connections.values())
        return [each for each in found if isinstance(each, Connection) and each.address]

    def callback_new_connection(self) -> Connection:
        """What pymodbus makes for each client."""
        traces = (self.trace_packet, self.trace_pdu, self.trace_connect)
        return Connection(self, *traces)  # type: ignore[no-untyped-call]


class Clients:
    """Who may connect, and how often somebody was turned away. Used by the server's thread;
    `turned_away` by any.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)
        self._turned_away: dict[str, int] = {}

    @property
    def turned_away(self) -> list[str]:
        """In words."""
        return [f"{who} turned away {times}x" for who, times in dict(self._turned_away).items()]

    def admit(self, address: str, here: list[Connection]) -> bool:
        """Whether this client may stay. Where there are too many, the one that has been silent for
        longest goes: its other end may have gone without a word.
        """
        if address not in self._allowed:
            self.turn_away(address)
            return False
        if len(here) < _MOST_CONNECTIONS:
            return True
        silent = min(here, key=lambda each: each.asked_ns)
        if time.monotonic_ns() - silent.asked_ns < _SILENT_NS:
            self.turn_away(address)
            return False
        self.turn_away(silent.address)
        silent.hang_up()
        return True

    def turn_away(self, address: str) -> None:
        """Count it."""
        if address in self._turned_away or len(self._turned_away) < _MOST_CONNECTIONS:
            self._turned_away[address] = self._turned_away.get(address, 0) + 1
