"""The disk of a box whose power is cut: what was flushed is there, of the rest what was drawn."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.image.forgetful_disk import ForgetfulDisk
from tests.quality.tools import REPOSITORY

OLD, NEW, LAST = b"o" * 4096, b"n" * 4096, b"l" * 4096


@pytest.mark.parametrize(("keep", "after"), [("0", [NEW, OLD, LAST]), ("1", [NEW, NEW, LAST])])
def test_a_cut_loses_what_was_not_flushed(tmp_path: Path, keep: str, after: list[bytes]) -> None:
    path = tmp_path / "disk"
    path.write_bytes(3 * OLD)
    disk = ForgetfulDisk(path, 1, 4096, keep)
    disk.write(0, NEW, through=False)
    disk.flush()
    disk.write(4096, NEW, through=False)
    disk.write(8192, LAST, through=True)
    assert disk.read(0, 12288) == NEW + NEW + LAST, "the machine sees what it wrote"
    assert "unflushed 1" in disk.cut()
    assert path.read_bytes() == b"".join(after)


def test_of_blocks_that_survive_a_cut_by_age_the_oldest_do(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(8 * OLD)
    disk = ForgetfulDisk(path, 3, 4096, "prefix")
    for number in (5, 2, 7, 0):
        disk.write(4096 * number, NEW, through=False)
    disk.cut()
    left = [number for number in (5, 2, 7, 0) if path.read_bytes()[4096 * number] == NEW[0]]
    assert left == [5, 2, 7, 0][: len(left)]


def test_a_machine_speaks_to_it_and_a_signal_is_the_cut(tmp_path: Path) -> None:
    path, place = tmp_path / "disk", tmp_path / "socket"
    path.write_bytes(2 * OLD)
    command = [sys.executable, "-m", "tests.image.forgetful_disk"]
    command += [str(place), str(path), "1", "4096", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as server:
        end = time.monotonic() + 60
        with socket.socket(socket.AF_UNIX) as link:
            while True:
                try:
                    link.connect(str(place))
                    break
                except OSError:
                    assert time.monotonic() < end
                    threading.Event().wait(0.02)
            assert link.recv(18, socket.MSG_WAITALL)[:8] == b"NBDMAGIC"
            link.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 1, 0))
            assert struct.unpack(">QH", link.recv(10, socket.MSG_WAITALL))[0] == 8192
            request = struct.Struct(">IHHQQI")
            for kind, at, data in ((1, 0, NEW), (3, 0, b""), (1, 4096, NEW)):
                link.sendall(request.pack(0x25609513, 0, kind, 7, at, len(data)) + data)
                assert struct.unpack(">IIQ", link.recv(16, socket.MSG_WAITALL)) == (
                    0x67446698,
                    0,
                    7,
                )
            server.send_signal(signal.SIGUSR1)
            assert server.stdout is not None
            assert b"unflushed 1 kept 0" in server.stdout.read()
    assert path.read_bytes() == NEW + OLD
