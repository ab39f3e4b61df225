"""The image in a machine of its own: qemu with UEFI, emulated, and a shell on a serial port.

The shell and the watcher of the journal come by SMBIOS credentials of the virtual machine (systemd
takes units from them): nothing of them is in the image.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.quality.tools import REPOSITORY

_OVMF = Path("/usr/share/OVMF")
_SHELL = r"""
stty -F /dev/ttyS1 raw -echo clocal
exec </dev/ttyS1 >/dev/ttyS1 2>&1
printf '\0up\n'
while read -r line; do /bin/sh -c "$line" </dev/null; printf '\0exit %d\n' $?; done
"""
_TOLD = r"""
stty -F /dev/ttyS2 raw -echo clocal
journalctl -b -f -n all -o cat -u qc-edge@line1 >/dev/ttyS2
"""
_UNIT = """\
[Unit]
DefaultDependencies=no
ConditionPathExists=!/etc/initrd-release
After=sysinit.target
Conflicts=shutdown.target
[Service]
ExecStart=/bin/bash -c 'eval "$(echo {script} | base64 -d)"'
"""
_PART = re.compile(r"^part (\S+) (\S+) (\S+?):", re.MULTILINE)


class MachineError(AssertionError):
    """The machine, or a command on it, is not as it should be."""


class _Port:
    """A serial port of the machine: what it says is kept, in memory and in a file."""

    def __init__(self, path: Path) -> None:
        self.said = bytearray()
        self.path = path
        self._link = socket.socket(socket.AF_UNIX)

    def open(self) -> None:
        self._link.connect(str(self.path))
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, data: bytes) -> None:
        self._link.sendall(data)

    def _listen(self) -> None:
        with self.path.with_suffix(".log").open("ab", buffering=0) as log:
            while piece := self._link.recv(1 << 16):
                log.write(piece)
                self.said += piece


class Box:
    """One box: `disk` is its disk, which it changes; `stick` and `second` are further drives."""

    def __init__(self, directory: Path, disk: Path, *drives: Path, kernel: str = "") -> None:
        self.directory, self.disk = directory, disk
        self._drives, self._kernel = drives, kernel
        self._qemu: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._begun = 0.0
        directory.mkdir(parents=True, exist_ok=True)

    def switch_on(self, forgetful: tuple[int, int, str] | None = None) -> None:
        """Power on. With `forgetful` (seed, bytes of a block, share that is kept) its disk loses at
        `cut` what was not flushed.
        """
        drive = f"file={self.disk},format=raw,if=virtio,cache=writeback,discard=unmap"
        if forgetful:
            drive = f"file=nbd:unix:{self._serve(*forgetful)},format=raw,if=virtio,cache=none"
        variables = self.directory / "vars.fd"
        if not variables.exists():
            shutil.copy(_OVMF / "OVMF_VARS_4M.fd", variables)
        code = f"if=pflash,format=raw,unit=0,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}"
        ports = [self.directory / name for name in ("console", "shell", "told")]
        serial = [each for port in ports for each in ("-serial", f"unix:{port},server=on,wait=off")]
        command = [
            *("setpriv", "--pdeathsig", "KILL"),
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=1024"),
            *("-cpu", "max,la57=off", "-machine", "q35", "-m", "3072", "-smp", "2"),
            *("-nodefaults", "-display", "none", "-vga", "std", *serial),
            *("-monitor", f"unix:{self.directory / 'monitor'},server=on,wait=off"),
            *("-drive", code),
            *("-drive", f"if=pflash,format=raw,unit=1,file={variables}"),
            *("-drive", drive),
            *(e for d in self._drives for e in ("-drive", f"file={d},format=raw,if=virtio")),
            *("-device", "virtio-rng-pci", *_credentials(self._kernel)),
        ]
        for port in [*ports, self.directory / "monitor"]:
            port.unlink(missing_ok=True)
        self._begun = time.monotonic()
        with (self.directory / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.until(lambda: all(port.exists() for port in ports), 30, "qemu does not start")
        self._console, self._shell, self._told = (_Port(port) for port in ports)
        for each in (self._console, self._shell, self._told):
            each.open()

    def _serve(self, seed: int, unit: int, keep: str) -> Path:
        place = self.directory / "disk.sock"
        place.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.image.forgetful_disk", str(place), str(self.disk)]
        command += [str(each) for each in (seed, unit, keep)]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY)
        self.until(place.exists, 30, "no disk")
        return place

    @property
    def on_s(self) -> float:
        """Seconds since it was switched on."""
        return time.monotonic() - self._begun

    @property
    def processor_s(self) -> float:
        """Seconds of this machine's processors that it has used."""
        assert self._qemu is not None
        fields = Path(f"/proc/{self._qemu.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def boots(self) -> int:
        """How often its shell has come up since it was switched on."""
        return self._shell.said.count(b"\0up\n")

    @property
    def console(self) -> str:
        """What kernel and systemd have said."""
        return self._console.said.decode(errors="replace")

    @property
    def told(self) -> dict[str, tuple[str, str]]:
        """Verdict and disposition of each part that the station has told since then."""
        text = self._told.said.decode(errors="replace").replace("\r", "")
        return {part: (verdict, told) for part, verdict, told in _PART.findall(text)}

    def until(self, condition: Callable[[], bool], limit_s: float, words: str) -> float:
        """Seconds until `condition` was true. MachineError with `words` if late."""
        begun, pause = time.monotonic(), threading.Event()
        while not condition():
            if self._qemu is not None and self._qemu.poll() is not None:
                raise MachineError(f"qemu ended: {(self.directory / 'qemu.log').read_text()}")
            if time.monotonic() - begun > limit_s:
                raise MachineError(f"{words} within {limit_s:.0f} s: {self.console[-1500:]}")
            pause.wait(0.2)
        return time.monotonic() - begun

    def send(self, command: str) -> None:
        """Begin a command there, and wait for nothing."""
        self._shell.send(command.encode() + b"\n")

    def run(self, command: str, limit_s: float = 600.0) -> str:
        """What a line of shell says on the box; MachineError if it fails or takes longer."""
        code, said = self.ask(command, limit_s)
        if code:
            raise MachineError(f"{command} ended with {code}: {said}")
        return said

    def ask(self, command: str, limit_s: float = 600.0) -> tuple[int, str]:
        """Its exit code and what it says."""
        begun = len(self._shell.said)
        self._shell.send(command.encode() + b"\n")
        self.until(lambda: b"\0exit " in self._shell.said[begun:], limit_s, f"no end of {command}")
        self.until(lambda: self._shell.said.endswith(b"\n"), 5, "half of an end")
        said, _, code = (
            bytes(self._shell.said[begun:]).decode(errors="replace").rpartition("\0exit ")
        )
        return int(code), said.strip()

    def screen(self, to: Path) -> None:
        """A picture of its screen, as PNG."""
        import cv2

        raw = self.directory / "screen.ppm"
        raw.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(20)
            monitor.connect(str(self.directory / "monitor"))
            monitor.sendall(f"screendump {raw}\n".encode())
            self.until(raw.exists, 20, "no picture of the screen")
            threading.Event().wait(0.5)
        picture = cv2.imread(str(raw))
        assert picture is not None
        cv2.imwrite(str(to), picture)

    def cut(self) -> str:
        """The power goes; what became of what was not flushed, in words."""
        assert self._qemu is not None
        words = ""
        if self._server is not None:
            # The disk first: what qemu still does finds no disk any more.
            self._server.send_signal(signal.SIGUSR1)
            words = self._server.communicate(timeout=60)[0].decode().strip()
            self._server = None
        self._qemu.kill()
        self._qemu.wait()
        self._qemu = None
        return words

    def switch_off(self, limit_s: float = 300.0) -> None:
        """As its button does."""
        assert self._qemu is not None
        qemu, self._qemu = self._qemu, None
        self._shell.send(b"systemctl poweroff\n")
        qemu.wait(limit_s)
        if self._server is not None:
            self._server.wait(60)
            self._server = None


def _credentials(kernel: str) -> list[str]:
    """Two units, wanted by the basic target: the shell and the watcher."""
    values = {
        "systemd.unit-dropin.sysinit.target": "[Unit]\nWants=qc-shell.service qc-told.service\n"
    }
    for name, script in (("qc-shell", _SHELL), ("qc-told", _TOLD)):
        packed = base64.b64encode(script.encode()).decode()
        values[f"systemd.extra-unit.{name}.service"] = _UNIT.format(script=packed)
    options = []
    for name, text in values.items():
        packed = base64.b64encode(text.encode()).decode()
        options += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={packed}"]
    if kernel:
        options += ["-smbios", f"type=11,value=io.systemd.stub.kernel-cmdline-extra={kernel}"]
    return options
