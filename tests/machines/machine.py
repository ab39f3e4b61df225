"""Machines of their own: a Debian kernel with its own clock, memory, disk and network card, in
qemu, without a virtual processor's help (TCG), so that it runs anywhere and is slow.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.domain.printable import printable
from tests.quality.tools import REPOSITORY

TOOLS = ("qemu-system-x86_64", "debootstrap", "mke2fs", "dpkg-deb")
BOOT_S = 180.0
_COMMAND_S = 300.0
_END = b"\0exit "


def tools_missing() -> list[str]:
    """What has to be installed before a machine can be made; root is among it."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return [*missing, *(["root"] if os.geteuid() else [])]


@dataclass(frozen=True)
class Image:
    """What all machines boot from: `files` is a directory, `sources` this checkout as a disk."""

    files: Path
    sources: Path


def make_image(directory: Path) -> Image:
    """The image, made once and kept; the sources as they are now."""
    script = Path(__file__).with_name("image.sh")
    made = subprocess.run(
        [script, sys.executable], check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()
    tree = directory / "tree"
    for name in ("qc_edge", "tests", "models", "calibration"):
        ignored = shutil.ignore_patterns("__pycache__", "results", "data")
        shutil.copytree(REPOSITORY / name, tree / name, ignore=ignored)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(tree)], check=True)
    sources = directory / "sources.img"
    make_disk(sources, 400, tree)
    return Image(Path(made), sources)


def make_disk(path: Path, size_mb: int, tree: Path | None = None) -> None:
    """A file with an ext4 file system; with the files of `tree` where one is given."""
    given = ["-d", str(tree)] if tree else []
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", *given, str(path), f"{size_mb}m"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class CommandError(AssertionError):
    """A command in a machine that did not end with 0, or not in time."""


@dataclass
class Machine:
    """One machine on the network `network` (a multicast port), at `address`.

    `clock_s` is how far its clock is ahead of the others' when it is switched on.
    """

    name: str
    address: str
    image: Image
    directory: Path
    network: int
    memory_mb: int = 700
    clock_s: float = 0.0
    _process: subprocess.Popen[bytes] | None = None
    _monitor: socket.socket | None = None
    _control: int = 0
    _commands: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def switch_on(self) -> None:
        """Power on, from a thread that lives on: qemu ends with it. Then `await_boot`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        disk = self.directory / "disk.img"
        if not disk.exists():
            make_disk(disk, 1000)
        self._control = _free_port()
        monitor = self.directory / "monitor"
        monitor.unlink(missing_ok=True)
        kernel = f"console=ttyS0 quiet panic=5 qc.name={self.name} qc.address={self.address}"
        mac = f"52:54:00:00:00:{int(self.address.rsplit('.', 1)[1]):02x}"
        command = [
            *("setpriv", "--pdeathsig", "TERM"),  # a machine must not outlive a run that is killed
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off"),
            *("-machine", "q35", "-m", str(self.memory_mb), "-smp", "1", "-nodefaults"),
            *("-display", "none", "-no-reboot"),
            *("-serial", f"file:{self.directory / 'console'}"),
            *("-qmp", f"unix:{monitor},server=on,wait=off"),
            *("-kernel", str(self.image.files / "vmlinuz")),
            *("-initrd", str(self.image.files / "initrd"), "-append", kernel),
            *_drive(self.image.files / "root.img", read_only=True),
            *_drive(disk, read_only=False),
            *_drive(self.image.sources, read_only=True),
            *("-device", "virtio-rng-pci"),
            *("-netdev", f"socket,id=line,mcast=239.1.2.3:{self.network},localaddr=127.0.0.1"),
            *("-device", f"virtio-net-pci,netdev=line,mac={mac},id=line-card"),
            *("-netdev", f"user,id=control,hostfwd=tcp:127.0.0.1:{self._control}-:7000"),
            *("-device", "virtio-net-pci,netdev=control"),
        ]
        with (self.directory / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def await_boot(self) -> None:
        """Until commands can be given; its clock is right then, but for `clock_s`."""
        end = time.monotonic() + BOOT_S
        while True:
            try:
                self.run("true", timeout_s=20)
                self.set_clock(self.clock_s)
                return
            except (OSError, CommandError):
                assert self._process is not None
                code = self._process.poll()
                assert code is None, f"qemu {code}: {(self.directory / 'qemu.log').read_text()}"
                assert time.monotonic() < end, f"{self.name} does not boot: {self.console()}"
                threading.Event().wait(0.3)

    def set_clock(self, ahead_s: float) -> None:
        """Set its clock to this machine's, and so much ahead."""
        self.clock_s = ahead_s
        self.run(f"date -s @{time.time() + ahead_s:.3f}")

    def console(self) -> str:
        """The last that the kernel and the first process said."""
        return printable((self.directory / "console").read_text(errors="replace")[-3000:])

    def switch_off(self) -> None:
        """As if the power went: what was not on its disk is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._monitor is not None:
            self._monitor.close()
        self._process = self._monitor = None

    def run(self, script: str, timeout_s: float = _COMMAND_S, data: bytes = b"") -> str:
        """What a shell script says there; CommandError if it fails or takes longer."""
        return self.run_raw(script, timeout_s, data).decode(errors="replace")

    def run_raw(self, script: str, timeout_s: float = _COMMAND_S, data: bytes = b"") -> bytes:
        """The same, as bytes; `data` is what the script reads from its standard input."""
        text = script.encode()
        head = f"{len(text)} {len(data)}\n".encode()
        with socket.create_connection(("127.0.0.1", self._control), timeout=timeout_s) as link:
            link.sendall(head + text + data)
            said, end = bytearray(), time.monotonic() + timeout_s
            while _END not in said[-20:]:
                link.settimeout(max(0.1, end - time.monotonic()))
                try:
                    piece = link.recv(1 << 16)
                except TimeoutError:
                    raise CommandError(f"{self.name}: not within {timeout_s} s: {script}") from None
                if not piece:
                    raise CommandError(f"{self.name}: cut off: {script}")
                said += piece
        output, _, code = bytes(said).rpartition(_END)
        if code.strip() != b"0":
            raise CommandError(f"{self.name}: {script}\nended with {code!r}:\n{output.decode()}")
        return output

    def plug(self, *, is_in: bool) -> None:
        """Pull the network's cable out, or put it in."""
        self._ask("set_link", name="line-card", up=is_in)

    def put(self, tree: Path, directory: str) -> None:
        """Copy the files of `tree` into `directory` there, as the station's user."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(tree, arcname=".")
        owned = f"chown -R qc-edge:qc-edge {directory}"
        unpack = f"mkdir -p {directory} && tar -x -C {directory} && {owned}"
        self.run(unpack, data=packed.getvalue())

    def get(self, directory: str, into: Path, *exclude: str) -> None:
        """Copy the files of `directory` there into `into` here."""
        left_out = " ".join(f"--exclude={each}" for each in exclude)
        packed = self.run_raw(f"tar -c -C {directory} {left_out} . 2>/dev/null")
        into.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(into, filter="tar")

    def _ask(self, command: str, **arguments: object) -> None:
        if self._monitor is None:
            self._monitor = socket.socket(socket.AF_UNIX)
            self._monitor.settimeout(30)
            self._monitor.connect(str(self.directory / "monitor"))
            self._monitor.recv(1 << 16)
            self._send({"execute": "qmp_capabilities"})
        self._send({"execute": command, "arguments": arguments})

    def _send(self, request: object) -> None:
        assert self._monitor is not None
        self._monitor.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while b'"return"' not in answer:
            answer += self._monitor.recv(1 << 16)
            assert b'"error"' not in answer, answer


def _drive(path: Path, *, read_only: bool) -> Sequence[str]:
    sharing = ",readonly=on" if read_only else ",cache=writeback"
    return "-drive", f"file={path},format=raw,if=virtio{sharing}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
