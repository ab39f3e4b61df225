"""`python -m tests.image.forgetful_disk SOCKET FILE SEED UNIT KEEP`: a disk for qemu (NBD).

What is written stays in memory until the machine flushes; SIGUSR1 is the power cut: of the blocks
of UNIT bytes that were not flushed each is kept with the probability KEEP (or, `prefix`: the oldest
ones up to a random one), the rest is lost.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import sys
from pathlib import Path

_SECTOR = 512
_MAGIC, _OPTION = b"NBDMAGICIHAVEOPT", 0x3E889045565A9
_REQUEST, _REPLY = struct.Struct(">IHHQQI"), struct.Struct(">IIQ")
_CAN_FLUSH_AND_FUA = 1 | 4 | 8
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_FUA = 1


class ForgetfulDisk:
    """A file whose last writes are in memory alone."""

    def __init__(self, path: Path, seed: int, unit: int, keep: str) -> None:
        self._file = os.open(path, os.O_RDWR)
        self.size = os.fstat(self._file).st_size
        self._random = random.Random(seed)
        self._sectors_a_block, self._keep = unit // _SECTOR, keep
        self._unflushed: dict[int, bytes] = {}
        self.writes = self.flushes = 0

    def read(self, at: int, length: int) -> bytes:
        """What the machine sees: the file, and over it what was not flushed."""
        data = bytearray(os.pread(self._file, length, at))
        data += bytes(length - len(data))
        if self._unflushed:
            first = at // _SECTOR
            for number in range(length // _SECTOR):
                if sector := self._unflushed.get(first + number):
                    data[number * _SECTOR : (number + 1) * _SECTOR] = sector
        return bytes(data)

    def write(self, at: int, data: bytes, *, through: bool) -> None:
        """Keep it in memory, or `through` to the file."""
        self.writes += 1
        for number in range(len(data) // _SECTOR):
            place = at // _SECTOR + number
            self._unflushed.pop(place, None)  # in the order of the last write, for `prefix`
            if not through:
                self._unflushed[place] = data[number * _SECTOR : (number + 1) * _SECTOR]
        if through:
            os.pwrite(self._file, data, at)

    def flush(self) -> None:
        """All to the file."""
        self.flushes += 1
        self._write_out(self._unflushed)
        self._unflushed.clear()

    def cut(self) -> str:
        """The power is gone; what became of the blocks that were not flushed, in words."""
        blocks: dict[int, list[int]] = {}
        for sector in self._unflushed:
            blocks.setdefault(sector // self._sectors_a_block, []).append(sector)
        if self._keep == "prefix":
            kept = list(blocks)[: self._random.randint(0, len(blocks))]
        else:
            kept = [block for block in blocks if self._random.random() < float(self._keep)]
        survivors = [sector for block in kept for sector in blocks[block]]
        self._write_out({sector: self._unflushed[sector] for sector in survivors})
        return (
            f"unflushed {len(blocks)} kept {len(kept)} writes {self.writes} flushes {self.flushes}"
        )

    def _write_out(self, sectors: dict[int, bytes]) -> None:
        run: list[bytes] = []
        start = 0
        for place in sorted(sectors):
            if run and place != start + len(run):
                os.pwrite(self._file, b"".join(run), start * _SECTOR)
                run = []
            start = place if not run else start
            run.append(sectors[place])
        if run:
            os.pwrite(self._file, b"".join(run), start * _SECTOR)


def serve(link: socket.socket, disk: ForgetfulDisk) -> None:
    """Answer one machine until it goes; then all is kept."""
    _shake_hands(link, disk.size)
    while True:
        head = _receive(link, _REQUEST.size)
        if head is None:
            break
        _, flags, kind, handle, at, length = _REQUEST.unpack(head)
        answer = b""
        if kind == _READ:
            answer = disk.read(at, length)
        elif kind == _WRITE:
            data = _receive(link, length)
            if data is None:
                break
            disk.write(at, data, through=bool(flags & _FUA))
        elif kind == _FLUSH:
            disk.flush()
        elif kind == _DISCONNECT:
            break
        link.sendall(_REPLY.pack(0x67446698, 0, handle) + answer)
    disk.flush()


def _shake_hands(link: socket.socket, size: int) -> None:
    """NBD's fixed newstyle negotiation (doc/proto.md of the NBD project)."""
    link.sendall(_MAGIC + struct.pack(">H", 3))
    client = struct.unpack(">I", _receive(link, 4) or bytes(4))[0]

    def answer(option: int, kind: int, data: bytes = b"") -> None:
        link.sendall(struct.pack(">QIII", _OPTION, option, kind, len(data)) + data)

    while head := _receive(link, 16):
        _, option, length = struct.unpack(">QII", head)
        _receive(link, length)
        if option == 1:  # export name: the old way to begin
            link.sendall(struct.pack(">QH", size, _CAN_FLUSH_AND_FUA))
            link.sendall(b"" if client & 2 else bytes(124))
            return
        if option in {6, 7}:  # info, go
            answer(option, 3, struct.pack(">HQH", 0, size, _CAN_FLUSH_AND_FUA))
            answer(option, 3, struct.pack(">HIII", 3, _SECTOR, 4096, 1 << 25))
            answer(option, 1)
            if option == 7:
                return
        else:
            answer(option, 0x80000001)


def _receive(link: socket.socket, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        piece = link.recv(length - len(data))
        if not piece:
            return None
        data += piece
    return bytes(data)


def main(arguments: list[str]) -> None:
    """One machine, one life."""
    place, path, seed, unit, keep = arguments
    disk = ForgetfulDisk(Path(path), int(seed), int(unit), keep)

    def cut(*_: object) -> None:
        sys.stdout.write(f"cut: {disk.cut()}\n")
        sys.stdout.flush()
        os._exit(0)

    signal.signal(signal.SIGUSR1, cut)
    Path(place).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        link, _ = listener.accept()
        serve(link, disk)
    sys.stdout.write("gone: all was kept\n")


if __name__ == "__main__":
    main(sys.argv[1:])
