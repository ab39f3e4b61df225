"""An OPC UA server: the line reads and writes the words as variables, and gets ResultReady events.

The modules of this package alone know asyncua. The server runs on a thread of its own with an
event loop; what is shown is put into a queue, so that no client holds the output up.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from qc_edge.errors import OutputError
from qc_edge.output.credentials import needed
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import ToLine
from qc_edge.output.links import Heard
from qc_edge.output.offered_recipes import OfferedRecipe
from qc_edge.settings.outside.outputs.opcua import OpcuaSettings

try:
    from asyncua import ua
    from asyncua.common.callback import CallbackType

    from qc_edge.output.links.opcua import security
    from qc_edge.output.links.opcua.methods import LineMethods
    from qc_edge.output.links.opcua.nodes import LineNodes
    from qc_edge.output.links.opcua.writes import LineWrites
except ImportError as fault:
    raise OutputError(
        f"the protocol opcua needs asyncua, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[opcua]'",
    ) from fault

# What goes wrong is said in the station's own words.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

_START_S = 2.0
_CLOSE_S = 3.0
_MOST_SHOWN = 256


class OpcuaLink:
    """Fulfils `qc_edge.output.links.LineLink`. What is `async` is of the server's thread."""

    def __init__(self, settings: OpcuaSettings) -> None:
        self._settings = settings
        self._door = security.Door(frozenset(settings.peers))
        self._wake: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self._shown: asyncio.Queue[tuple[ToLine, Result | None]] = asyncio.Queue(_MOST_SHOWN)
        self._server: security.GuardedServer | None = None
        self._writes: LineWrites | None = None
        self._fault = ""
        self._recipes: Callable[[], Sequence[OfferedRecipe]] = tuple

    def offer(self, recipes: Callable[[], Sequence[OfferedRecipe]]) -> None:
        """What clients may list and choose among."""
        self._recipes = recipes

    def open(self, wake: Callable[[], None]) -> None:
        """Listen. Raises OutputError without its credentials, its address or its port."""
        self._wake = wake
        if self._thread is not None and self._thread.is_alive():  # begun at a try before
            self._await_start()
            return
        self._fault, self._loop, self._ended = "", None, asyncio.Event()
        given = self._settings
        secrets = {
            what: needed(given.name, what, "the server's own certificate")
            for what in ("cert", "key")
        }
        users = security.read_users(given.name)
        trusted = security.read_trusted(given.name) if given.client_certificates else None
        self._ready.clear()
        self._thread = threading.Thread(
            target=self._run, args=(secrets, users, trusted), name="opcua", daemon=True
        )
        self._thread.start()
        self._await_start()

    def _await_start(self) -> None:
        given = self._settings
        if not self._ready.wait(_START_S):  # go on at the next try: it loads 8,000 nodes
            raise OutputError(f"the OPC UA server at {given.listen} is still starting")
        if self._fault:
            self._thread = None
            raise OutputError(
                f"no OPC UA server at {given.listen}: {self._fault}",
                hint="is the address one of this machine, the port free, and are "
                f"{given.name}.cert and {given.name}.key PEM? ip address; ss -ltn",
            )

    def show(self, words: ToLine, result: Result | None) -> None:
        """In the server's next turn, whole."""
        if self._loop is not None and not self._fault:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._put, words, result)

    def heard(self) -> list[Heard]:
        """What was written, in order. Raises OutputError if the server has ended."""
        if self._fault:
            raise OutputError(f"the OPC UA server has ended: {self._fault}")
        return self._writes.heard() if self._writes else []

    @property
    def peers(self) -> tuple[str, ...]:
        """Who is connected, and who was turned away."""
        server = self._server.bserver if self._server else None
        here = sorted(str(each.peer_name[0]) for each in list(server.clients)) if server else []
        away = dict(self._door.turned_away)
        return (*here, *(f"{who} turned away {times}x" for who, times in away.items()))

    def close(self) -> None:
        """Hang up, and leave the port."""
        thread, loop = self._thread, self._loop
        self._thread = self._loop = self._writes = None
        if thread is None:
            return
        if loop is None:  # it has not begun
            self._ended.set()
        else:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._ended.set)
        thread.join(_CLOSE_S)

    def _offered(self) -> Sequence[OfferedRecipe]:
        return self._recipes()

    def _run(self, *given: Any) -> None:
        try:
            asyncio.run(self._serve(*given))
        except (OSError, RuntimeError, ValueError, ua.UaError) as fault:
            self._fault = str(fault) or type(fault).__name__
        finally:
            if not self._ended.is_set():  # however it ends: nobody would be answered any more
                self._fault = self._fault or "nothing answers there any more"
            self._server = None
            self._ready.set()
            self._wake()

    async def _serve(
        self,
        secrets: dict[str, bytes],
        users: security.OpcuaUsers,
        trusted: frozenset[bytes] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._shown = asyncio.Queue(_MOST_SHOWN)
        server = security.GuardedServer(users, self._door)
        await server.init()
        server.set_endpoint(f"opc.tcp://{self._settings.listen}")
        server.set_server_name("qc-edge")
        await server.load_certificate(secrets["cert"], "pem")
        await server.load_private_key(secrets["key"], format="pem")
        server.set_security_policy(security.POLICIES, security.RULES)
        server.set_identity_tokens([ua.UserNameIdentityToken])
        server.iserver.allow_remote_admin = False
        if trusted is not None:
            server.set_certificate_validator(security.only_these(trusted))
        nodes = LineNodes(server, self._settings.name)
        system = await nodes.make()
        self._writes = writes = LineWrites(nodes.written, self._wake)
        methods = LineMethods(nodes.results, writes, self._offered, may_ask=self._settings.recipes)
        await methods.bind(server, system)
        server.subscribe_server_callback(CallbackType.PreWrite, writes.check)
        server.subscribe_server_callback(CallbackType.PostWrite, writes.take)
        await server.start()
        self._server = server
        self._ready.set()
        showing = asyncio.create_task(self._show(nodes))
        try:
            ended = asyncio.create_task(self._ended.wait())
            await asyncio.wait({showing, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if showing.done():
                showing.result()
        finally:
            showing.cancel()
            await server.stop()

    def _put(self, words: ToLine, result: Result | None) -> None:
        try:
            self._shown.put_nowait((words, result))
        except asyncio.QueueFull:
            self._fault = f"{_MOST_SHOWN} results wait to be shown"

    async def _show(self, nodes: LineNodes) -> None:
        while True:
            await nodes.show(*await self._shown.get())
            if self._server:
                self._server.hang_up_on_who_reads_nothing()


def make_link(settings: OpcuaSettings) -> OpcuaLink:
    """The server of these settings."""
    return OpcuaLink(settings)
