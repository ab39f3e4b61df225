"""A controller that is not ours, whose data block the station reads and writes: the test is the
program in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from snap7.server import Server
from snap7.type import SrvArea

from qc_edge.output.handshake.words import (
    FROM_LINE_AT,
    FROM_LINE_WORDS,
    TO_LINE_WORDS,
    FromLine,
    ToLine,
    decode_to_line,
    encode,
)

_BLOCK = 100


class S7Controller:
    """snap7's server, with the data block of docs/plc."""

    def __init__(self, port: int) -> None:
        self.memory = bytearray(2 * (FROM_LINE_AT + FROM_LINE_WORDS))
        self._written = FromLine()
        self.port = port
        self.start()
        self.settings = {"connect": f"127.0.0.1:{port}", "block": _BLOCK, "poll_ms": 2.0}

    def words(self) -> ToLine:
        """What the station has written."""
        raw = bytes(self.memory[: 2 * TO_LINE_WORDS])
        return decode_to_line([raw[at] << 8 | raw[at + 1] for at in range(0, len(raw), 2)])

    def say(self, **values: Any) -> None:
        """The program writes these; the others stay."""
        self._written = replace(self._written, **values)
        raw = b"".join(word.to_bytes(2, "big") for word in encode(self._written))
        self.memory[2 * FROM_LINE_AT :] = raw

    def close(self) -> None:
        """The program ends; its memory stays."""

    def stop(self) -> None:
        """Without power."""
        self._server.stop()

    def start(self) -> None:
        """Power again: its memory has survived."""
        self._server = Server(log=False)
        self._server.register_area(SrvArea.DB, _BLOCK, self.memory)
        self._server.start_to("127.0.0.1", self.port)
