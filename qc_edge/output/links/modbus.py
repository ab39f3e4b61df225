"""A Modbus TCP server: the line reads the words from address 0 on and writes those from 100 on.

This module and `modbus_clients` alone know pymodbus. The server runs on a thread of its own with an
event loop; each request is answered whole between two others, so that none sees half a result.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qc_edge.errors import OutputError
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import (
    FROM_LINE,
    FROM_LINE_AT,
    FROM_LINE_WORDS,
    TO_LINE_WORDS,
    FromLine,
    ToLine,
    decode_from_line,
    encode,
)
from qc_edge.output.links import Heard
from qc_edge.settings.outside.outputs.modbus import ModbusSettings

try:
    from pymodbus.constants import ExcCodes
    from pymodbus.simulator import DataType, SimData, SimDevice

    from qc_edge.output.links.modbus_clients import Clients, Connection, Server, asking
except ImportError as fault:
    raise OutputError(
        f"the protocol modbus needs pymodbus, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[modbus]'",
    ) from fault

_START_S = 5.0
_CLOSE_S = 2.0
_MOST_HEARD = 4096
_MASTER_NS = 5_000_000_000
"""A master that has not written for so long may be another's."""

_FUNCTIONS = {3, 4, 6, 16, 23}
_LAST = FROM_LINE_AT + FROM_LINE_WORDS
_BEGINS = {place.address for place in FROM_LINE if place.name in ("reset", "trigger")}


class ModbusLink:
    """Fulfils `qc_edge.output.links.LineLink`."""

    def __init__(self, settings: ModbusSettings) -> None:
        self._host, self._port = settings.host, settings.port
        self._clients = Clients(settings.peers)
        self._shown = encode(ToLine())
        self._written = encode(FromLine())
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        self._wake: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._fault = ""
        self._master: Connection | None = None
        self._began_by: Connection | None = None
        """The connection that wrote `reset` or `trigger` last."""
        self._is_closing = False
        self._written_ns = 0

    def open(self, wake: Callable[[], None]) -> None:
        """Listen. Raises OutputError if the address or the port is not to be had."""
        self._wake, self._fault, self._is_closing = wake, "", False
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

    def show(self, words: ToLine, _result: Result | None = None) -> None:
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
            for each in server.connections
        )
        return (*here, *self._clients.turned_away)

    def close(self) -> None:
        """Close the port and every connection."""
        thread, loop, server = self._thread, self._loop, self._server
        if thread is None or loop is None or server is None:
            return
        self._is_closing = True
        end = server.shutdown  # a coroutine
        with suppress(RuntimeError):  # the loop is closed: the server has ended by itself
            loop.call_soon_threadsafe(lambda: loop.create_task(end()))  # type: ignore[no-untyped-call]
        thread.join(_CLOSE_S)
        self._thread = self._loop = self._server = self._master = self._began_by = None
        self._shown, self._written = encode(ToLine()), encode(FromLine())

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except (OSError, RuntimeError) as fault:
            self._fault = str(fault)
        finally:
            if not self._is_closing:  # however it ends: nobody would be answered any more
                self._fault = self._fault or "nothing answers any more"
            ready.set()
            self._wake()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        registers = SimData(0, values=[0] * _LAST, datatype=DataType.REGISTERS)
        # Whatever unit a master asks for: 0 stands for all of them.
        device = SimDevice(0, simdata=[registers], action=self._act)
        self._server = server = Server(self._clients, device, (self._host, self._port))
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
        return self._write(asking.get(), address, [int(value) for value in values])

    def _write(self, writer: Connection, address: int, values: list[int]) -> ExcCodes | None:
        now_ns = time.monotonic_ns()
        if not self._is_master(writer, now_ns):
            return ExcCodes.DEVICE_BUSY
        begins = not _BEGINS.isdisjoint(range(address, address + len(values)))
        is_new = begins and writer is not self._began_by
        written = list(self._written)
        if is_new:
            # What the program before left in the registers asks for nothing: a trigger alone must
            # not be taken together with its reset.
            for place in _BEGINS:
                written[place - FROM_LINE_AT] = 0
        first = address - FROM_LINE_AT
        written[first : first + len(values)] = values
        try:
            words = decode_from_line(written)
        except ValueError:
            return ExcCodes.ILLEGAL_VALUE
        with self._lock:
            if len(self._heard) >= _MOST_HEARD:
                return ExcCodes.DEVICE_BUSY
            self._heard.append(Heard(words, now_ns, is_new))
        self._began_by = writer if begins else self._began_by
        self._written, self._master, self._written_ns = written, writer, now_ns
        self._wake()
        return None

    def _is_master(self, writer: Connection, now_ns: int) -> bool:
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


def make_link(settings: ModbusSettings) -> ModbusLink:
    """The server of these settings."""
    return ModbusLink(settings)
