"""A Modbus master that is not ours: libmodbus, the C library, by ctypes. Debian: libmodbus5."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from types import TracebackType

from qc_edge.output.handshake.words import (
    FROM_LINE,
    FROM_LINE_AT,
    TO_LINE_WORDS,
    FromLine,
    ToLine,
    decode_to_line,
    encode,
)


class ModbusRefusedError(Exception):
    """What the library says of a request that was not done."""


class Master:
    """One connection. Its calls wait for the answer, for two seconds or as long as it is told."""

    def __init__(self, port: int, host: str = "127.0.0.1", patience_ms: int = 2000) -> None:
        name = ctypes.util.find_library("modbus")
        assert name, "apt install libmodbus5"
        self._library = ctypes.CDLL(name, use_errno=True)
        self._library.modbus_new_tcp.restype = ctypes.c_void_p
        self._library.modbus_strerror.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.modbus_new_tcp(host.encode(), port))
        self._library.modbus_set_response_timeout(
            self._context, patience_ms // 1000, patience_ms % 1000 * 1000
        )
        self._check(self._library.modbus_connect(self._context))

    def __enter__(self) -> Master:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._library.modbus_close(self._context)
        self._library.modbus_free(self._context)

    def read(self, address: int, count: int) -> list[int]:
        """Holding registers."""
        found = (ctypes.c_uint16 * count)()
        self._check(self._library.modbus_read_registers(self._context, address, count, found))
        return list(found)

    def write(self, address: int, values: Sequence[int]) -> None:
        """Holding registers, with one request."""
        given = (ctypes.c_uint16 * len(values))(*values)
        called = self._library.modbus_write_registers
        self._check(called(self._context, address, len(values), given))

    def write_one(self, address: int, value: int) -> None:
        """One register, by the function of its own."""
        self._check(self._library.modbus_write_register(self._context, address, value))

    def write_coil(self, address: int) -> None:
        """What the station does not have."""
        self._check(self._library.modbus_write_bit(self._context, address, 1))

    def words(self) -> ToLine:
        """All that the line may read."""
        return decode_to_line(self.read(0, TO_LINE_WORDS))

    def say(self, **values: int | str) -> None:
        """Write these words of the line, each by itself."""
        whole = encode(FromLine(**values))  # type: ignore[arg-type]
        for place in FROM_LINE:
            if place.name in values:
                first = place.address - FROM_LINE_AT
                self.write(place.address, whole[first : first + place.words])

    def _check(self, answer: int) -> None:
        if answer == -1:
            words = self._library.modbus_strerror(ctypes.get_errno())
            raise ModbusRefusedError(words.decode())
