"""The PLC's program in plain Python: the handshake of docs/plc.md from the line's side.

It knows of the station what comes over Modbus, and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from qc_edge.demo.line.conveyor import Conveyor
from qc_edge.errors import OutputError
from qc_edge.output.handshake.words import (
    FROM_LINE,
    LAST_SEQUENCE,
    TO_LINE_WORDS,
    Code,
    StateBit,
    ToLine,
    accepts,
    decode_to_line,
)

_SCAN_S = 0.01
_ADDRESS = {place.name: place.address for place in FROM_LINE}


class PlcProgram:
    """Sends `parts` parts past the camera, one after the other. Used by one thread, once.

    `fire` fires the camera; it waits `patience_s` for a result, somewhat longer
    than the station's deadline.
    """

    def __init__(self, port: int, fire: Callable[[], None], patience_s: float) -> None:
        self._client = ModbusTcpClient("127.0.0.1", port=port, timeout=2.0)
        self._fire = fire
        self._patience_s = patience_s
        self._heartbeat = 0
        self.conveyor = Conveyor()
        self.sent = 0

    def run(self, parts: int, pace_s: float, stop: threading.Event) -> None:
        """Reset, then part by part until `stop`. Raises OutputError if the station is not there."""
        if not self._client.connect():  # type: ignore[no-untyped-call]
            raise OutputError("the PLC cannot reach the station")
        try:
            reset = self._read().reset_done % LAST_SEQUENCE + 1
            self._write("reset", reset)
            if self._wait(lambda words: _is_ready_after(words, reset), 30.0) is None:
                raise OutputError("the station is not ready for the line within 30 s")
            while self.sent < parts and not stop.wait(pace_s):
                self._send()
        except ModbusException as fault:
            raise OutputError(f"the PLC has lost the station: {fault}") from fault
        finally:
            self._client.close()  # type: ignore[no-untyped-call]

    def _send(self) -> None:
        number = self.sent + 1
        self._write("trigger", number)
        if self._wait(lambda words: words.trigger_taken == number, 2.0) is None:
            raise OutputError(f"the station does not take trigger {number}")
        self.sent = number
        self._fire()
        words = self._wait(lambda words: words.commit == number, self._patience_s)
        if words is not None and accepts(words, number):
            self.conveyor.let_through(number)
        else:
            is_rejected = words is not None and words.verdict >> 12 == Code.REJECT
            self.conveyor.eject(number, is_rejected=is_rejected)
            self._write("ejected", number)
        if words is None:
            self.conveyor.unanswered.append(number)
        else:
            self._write("acknowledge", number)

    def _wait(self, fits: Callable[[ToLine], object], within_s: float) -> ToLine | None:
        """Scan until the words fit; None if they never do."""
        pause, end = threading.Event(), time.monotonic() + within_s
        while time.monotonic() < end:
            self._heartbeat = (self._heartbeat + 1) & 0xFFFF
            self._write("heartbeat", self._heartbeat)
            words = self._read()
            if fits(words):
                return words
            pause.wait(_SCAN_S)
        return None

    def _read(self) -> ToLine:
        read = self._client.read_holding_registers(0, count=TO_LINE_WORDS)
        return decode_to_line(read.registers)

    def _write(self, name: str, value: int) -> None:
        answer = self._client.write_register(_ADDRESS[name], value)
        if answer.isError():
            raise ModbusException(f"{name} = {value} was refused: {answer}")


def _is_ready_after(words: ToLine, reset: int) -> bool:
    return words.reset_done == reset and bool(words.state & StateBit.READY)
