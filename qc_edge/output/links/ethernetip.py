"""A Logix controller over EtherNet/IP: the words stand in two tags, which the station reads and
writes.

docs/plc/logix-tags.csv has the tags to import. Each word is a DINT of its own, 0 to 65535: that is
what such a controller reads and writes whole, and as an INT the upper half of them would be
negative. This module alone knows pycomm3.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import FROM_LINE, FROM_LINE_AT, FROM_LINE_WORDS, TO_LINE_WORDS
from qc_edge.output.links.polled import PolledLink
from qc_edge.settings.outside.outputs.ethernetip import EthernetipSettings

try:
    from pycomm3 import CIPDriver
    from pycomm3.cip import DINT
    from pycomm3.cip_driver import with_forward_open
    from pycomm3.const import HEADER_SIZE
    from pycomm3.exceptions import PycommError
    from pycomm3.packets import ReadTagRequestPacket, WriteTagRequestPacket
    from pycomm3.socket_ import Socket
except ImportError as fault:
    raise OutputError(
        f"the protocol ethernetip needs pycomm3, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[ethernetip]'",
    ) from fault

# It says each request; what goes wrong is said in the station's own words.
logging.getLogger("pycomm3").setLevel(logging.CRITICAL + 1)

_FAULTS = (PycommError, OSError, ValueError, TypeError, AttributeError, LookupError, struct.error)
"""What pycomm3 raises, of answers that are none of a controller's too."""

_ANSWER_S = 2.0
_HEARTBEAT = next(each.address for each in FROM_LINE if each.name == "heartbeat") - FROM_LINE_AT
_DINT = {
    "tag_type": "atomic",
    "data_type": "DINT",
    "data_type_name": "DINT",
    "type_class": DINT,
}
"""What pycomm3 has to know of a tag. It would ask the controller for all tags: that takes seconds
of a large program, again at each connection."""


class _Wire(Socket):  # type: ignore[misc]
    """Gives up after a while, however slowly the answer trickles. pycomm3's own goes round and
    round for ever where the other end hangs up in the middle of one.
    """

    def receive(self, timeout: float = 0) -> bytes:
        """One whole answer. Raises OSError."""
        end_s = time.monotonic() + (timeout or _ANSWER_S)
        head = self._exactly(HEADER_SIZE, end_s)
        return head + self._exactly(int.from_bytes(head[2:4], "little"), end_s)

    def _exactly(self, count: int, end_s: float) -> bytes:
        got = b""
        while len(got) < count:
            self.sock.settimeout(max(end_s - time.monotonic(), 0.001))
            more = self.sock.recv(count - len(got))
            if not more:
                raise ConnectionError("it hung up")
            got += more
        self.sock.settimeout(_ANSWER_S)
        return got


class ControllerTags:
    """Fulfils `qc_edge.output.links.polled.ControllerMemory`."""

    def __init__(self, settings: EthernetipSettings) -> None:
        self._settings = settings
        self._driver: CIPDriver | None = None
        self._asking = threading.Lock()

    def connect(self) -> None:
        """Connect, and look whether both tags are there, long enough and of the right type."""
        given = self._settings
        driver = CIPDriver(f"{given.connect}/bp/{given.slot}")
        wire = driver._sock = _Wire(_ANSWER_S)
        self._driver = driver
        try:
            with self._asking:
                driver.open()
                with_forward_open(lambda _driver: None)(driver)
        except _FAULTS as fault:
            wire.close()  # and not whatever another try has made of it meanwhile
            raise OutputError(
                f"the controller at {given.place} does not answer: {_said(fault)}",
                hint="address, port and slot; is it one whose tags can be read by messages?",
            ) from fault
        try:
            self.read()
            self._read(given.to_line, TO_LINE_WORDS)
        except OutputError:
            wire.close()
            raise

    def read(self) -> Sequence[int]:
        """As one request: it is less than what the smallest connection carries."""
        words = self._read(self._settings.from_line, FROM_LINE_WORDS)
        words[_HEARTBEAT] &= 0xFFFF  # only its changes count; a DINT that counts on has no end
        return words

    def write(self, first: int, words: Sequence[int]) -> None:
        """One request of its own; on return the controller has answered it."""
        tag = f"{self._settings.to_line}[{first}]"
        value = struct.pack(f"<{len(words)}i", *words)
        try:
            with self._asking:
                driver = self._connected()
                answer = driver.send(
                    WriteTagRequestPacket(driver._sequence, tag, len(words), _DINT, 0, False, value)
                )
        except _FAULTS as fault:
            raise self._lost(tag, "written", _said(fault)) from fault
        if answer.error:
            raise self._lost(tag, "written", answer.error)

    def close(self) -> None:
        """Hang up; what waits for an answer ends by it."""
        driver, self._driver = self._driver, None
        if driver is None:
            return
        if self._asking.acquire(blocking=False):
            with suppress(*_FAULTS):
                driver.close()  # so that the controller has the connection free for the next
            self._asking.release()
        elif driver._sock is not None:
            driver._sock.close()

    def _read(self, tag: str, count: int) -> list[int]:
        try:
            with self._asking:
                driver = self._connected()
                answer = driver.send(
                    ReadTagRequestPacket(driver._sequence, tag, count, _DINT, 0, False)
                )
        except _FAULTS as fault:
            raise self._lost(tag, "read", _said(fault)) from fault
        if answer.error:
            raise self._lost(tag, "read", answer.error)
        data = bytes(answer.data or b"")
        raw = data[2:]
        if int.from_bytes(data[:2], "little") != DINT.code or len(raw) != 4 * count:
            raise self._lost(tag, "read", f"expected DINT[{count}], got {len(raw)} bytes")
        return list(struct.unpack(f"<{count}i", raw))

    def _connected(self) -> CIPDriver:
        if self._driver is None:
            raise OSError("not connected")
        return self._driver

    def _lost(self, tag: str, what: str, why: str) -> OutputError:
        return OutputError(
            f"the tag {tag} at {self._settings.place} cannot be {what}: {why}",
            hint="the cable; the tags of docs/plc/logix-tags.csv, External Access Read/Write",
        )


def _said(fault: BaseException) -> str:
    """With what is behind it: pycomm3 says little itself."""
    return f"{fault}: {fault.__cause__}" if fault.__cause__ else str(fault)


def make_link(settings: EthernetipSettings) -> PolledLink:
    """The controller of these settings."""
    return PolledLink(ControllerTags(settings), settings.place, settings.poll_ms / 1e3)
