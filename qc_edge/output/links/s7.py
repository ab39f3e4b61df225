"""A Siemens S7 controller: the words stand in one data block, which the station reads and writes.

docs/plc/s7-data-block.scl is the block as a source that its tools import. This module alone knows
python-snap7.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence

from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import FROM_LINE_AT, FROM_LINE_WORDS
from qc_edge.output.links.polled import PolledLink
from qc_edge.settings.outside.outputs.s7 import S7Settings

try:
    from snap7.client import Client
    from snap7.error import S7Error
except ImportError as fault:
    raise OutputError(
        f"the protocol s7 needs python-snap7, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[s7]'",
    ) from fault

# It says each request; what goes wrong is said in the station's own words.
logging.getLogger("snap7").setLevel(logging.CRITICAL + 1)

_FAULTS = (S7Error, OSError, RuntimeError, ValueError, LookupError, struct.error)
"""What python-snap7 raises, of answers that are none of a controller's too."""


class DataBlock:
    """Fulfils `qc_edge.output.links.polled.ControllerMemory`."""

    def __init__(self, settings: S7Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def connect(self) -> None:
        """Connect, and look whether the block is there and long enough."""
        given = self._settings
        self._client = client = Client()
        try:
            client.connect(given.host, given.rack, given.slot, given.port)
        except _FAULTS as fault:
            client.disconnect()  # and not whatever another try has made of it meanwhile
            raise OutputError(
                f"the controller at {given.place} does not answer: {fault}",
                hint="address, rack and slot; is PUT/GET permitted in its settings?",
            ) from fault
        self.read()

    def read(self) -> Sequence[int]:
        """As one request: it is less than what the smallest controllers answer at once."""
        given, client = self._settings, self._client
        if client is None:
            raise OutputError(f"not connected to {given.place}")
        try:
            raw = client.db_read(given.block, 2 * FROM_LINE_AT, 2 * FROM_LINE_WORDS)
        except _FAULTS as fault:
            raise self._lost("read", fault) from fault
        if len(raw) != 2 * FROM_LINE_WORDS:
            raise self._lost("read", ValueError(f"its answer has {len(raw)} bytes"))
        return [raw[at] << 8 | raw[at + 1] for at in range(0, len(raw), 2)]

    def write(self, first: int, words: Sequence[int]) -> None:
        """Its words have the high byte first, as ours."""
        given, client = self._settings, self._client
        if client is None:
            raise OutputError(f"not connected to {given.place}")
        raw = bytearray(b"".join(word.to_bytes(2, "big") for word in words))
        try:
            client.db_write(given.block, 2 * first, raw)
        except _FAULTS as fault:
            raise self._lost("written", fault) from fault

    def close(self) -> None:
        """Hang up."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()

    def _lost(self, what: str, fault: Exception) -> OutputError:
        given = self._settings
        return OutputError(
            f"DB{given.block} at {given.place} cannot be {what}: {fault}",
            hint="the cable; the block of docs/plc/s7-data-block.scl, not optimized, PUT/GET",
        )


def make_link(settings: S7Settings) -> PolledLink:
    """The controller of these settings."""
    return PolledLink(DataBlock(settings), settings.place, settings.poll_ms / 1e3)
