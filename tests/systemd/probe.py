"""Run in the place of the station, in its confinement: tries what it must not, says what worked."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

STATE = Path("/var/lib/qc-edge")


def write(path: str) -> None:
    """Make a file."""
    Path(path).write_text("x", encoding="ascii")


def call(function: str, *arguments: object) -> None:
    """A libc call that must not fail."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), function)


def main(name: str, other: str, other_pid: int) -> None:
    """Try everything; what worked, as JSON, to the file probe.json in the station's state."""
    own = STATE / name
    attempts: dict[str, Callable[[], object]] = {
        "own state": lambda: write(f"{own}/probe"),
        "own runtime": lambda: write(f"/run/qc-edge/{name}/probe"),
        "private tmp": lambda: write("/tmp/probe"),
        "internet socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "host network": lambda: Path("/proc/net/dev").read_text(encoding="ascii").index("host0"),
        "settings": lambda: Path(f"/etc/qc-edge/{name}.toml").read_bytes(),
        "write settings": lambda: write(f"/etc/qc-edge/{name}.toml"),
        "write etc": lambda: write("/etc/probe"),
        "write usr": lambda: write("/usr/probe"),
        "write software": lambda: write("/opt/qc-edge/current/probe"),
        "write var": lambda: write("/var/probe"),
        "write beside state": lambda: write(f"{STATE}/probe"),
        "write root": lambda: write("/probe"),
        "home": lambda: os.listdir("/home/anna"),  # noqa: PTH208
        "other state": lambda: os.listdir(STATE / other),  # noqa: PTH208
        "other state through /proc": lambda: os.listdir(f"/proc/{other_pid}/root{STATE}/{other}"),  # noqa: PTH208
        "other runtime": lambda: os.listdir(f"/run/qc-edge/{other}"),  # noqa: PTH208
        "see the other process": lambda: Path(f"/proc/{other_pid}/status").read_bytes(),
        "become root": lambda: os.setuid(0),
        "mount": lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
        "new namespace": lambda: call("unshare", 0x10000000),
        "trace": lambda: call("ptrace", 16, other_pid, 0, 0),
        "set the clock": lambda: call("adjtimex", ctypes.create_string_buffer(256)),
        "device node": lambda: os.mknod(own / "node", 0o20600, os.makedev(1, 3)),
        "setuid file": lambda: (own / "probe").chmod(0o4755),
        "kernel tunable": lambda: write("/proc/sys/kernel/domainname"),
    }
    worked = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except (OSError, ValueError):
            continue
        worked.append(what)
    said: dict[str, object] = {"tried": list(attempts), "worked": worked}
    said |= {"stations": sorted(os.listdir(STATE)), "uid": os.getuid()}  # noqa: PTH208
    said["capabilities"] = next(
        line.split()[1]
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("CapEff")
    )
    (own / "probe.json").write_text(json.dumps(said), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
