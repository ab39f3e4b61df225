"""A TCP wire that fails as it is told: between a station and whoever talks to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class FaultyWire:
    """Passes what comes to its `port` on to another, both ways. The calls are for any thread."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._refuses, self._delay_s = False, 0.0
        self._passes = {"there": asyncio.Event(), "back": asyncio.Event()}
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.heal()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """All connections are gone, and none can be made."""
        self._do(self._cut)

    def hold(self, *ways: str) -> None:
        """Nothing passes `there`, `back` or both; it comes when the wire is whole again, as TCP
        has it.
        """
        for way in ways:
            self._do(self._passes[way].clear)

    def delay(self, seconds: float) -> None:
        """Everything takes so much longer."""
        self._delay_s = seconds

    def heal(self) -> None:
        """Whole again; connections that were cut are for others to make anew."""
        self._refuses, self._delay_s = False, 0.0
        for each in self._passes.values():
            self._do(each.set)

    def close(self) -> None:
        """Nothing listens any more."""
        self.cut()
        self._do(self._loop.stop)
        self._thread.join(60)
        self._loop.set_exception_handler(lambda *_: None)
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def _do(self, what: Callable[[], object]) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(what)
        else:
            what()

    def _cut(self) -> None:
        self._refuses = True
        for each in list(self._open):
            each.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        if self._refuses:
            writer.transport.abort()
            far.transport.abort()
            return
        self._open |= {writer, far}
        ways = (self._pass(reader, far, "there"), self._pass(far_reader, writer, "back"))
        await asyncio.gather(*ways)
        self._open -= {writer, far}

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._passes[way].wait()
                await asyncio.sleep(self._delay_s)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
