"""The disks of a box as lsblk tells them: how large, which model, what is on them."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.errors import StoreError, UpdateError, UsageError
from qc_edge.setup.flash.partition_table import HEAD, SECTOR, read_table

DATA = "qc-data"
"""The partition that holds what a box has recorded (systemd/image/mkosi.repart)."""

STICK = "qc-edge-stick"
"""How the partitions of the installer's own stick are called (systemd/image/stick.py)."""

_COLUMNS = (
    "NAME,PATH,TYPE,SIZE,MODEL,SERIAL,TRAN,RM,RO,LOG-SEC,MOUNTPOINTS,FSTYPE,LABEL,PARTLABEL,START"
)
_NO_DISKS = ("/dev/zram", "/dev/ram", "/dev/fd", "/dev/mtdblock")


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """One disk: `contents` in words, `in_use` why it is (empty if it is not), `records` the first
    and the last byte plus one of what another qc-edge has recorded on it.
    """

    path: str
    size: int
    model: str = ""
    serial: str = ""
    is_removable: bool = False
    is_read_only: bool = False
    sector: int = SECTOR
    contents: tuple[str, ...] = ()
    in_use: str = ""
    records: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """As a person types it: nvme0n1."""
        return Path(self.path).name

    @property
    def words(self) -> str:
        """Name, size and model, for a message."""
        return " ".join(filter(None, [self.name, f"({self.gigabytes},", f"{self.model or '?'})"]))

    @property
    def gigabytes(self) -> str:
        """Its size as it stands on its label."""
        return f"{self.size / 1e9:,.1f} GB"


def disks_here() -> list[BlockDevice]:
    """Those of this machine. Raises StoreError if lsblk does not tell."""
    command = ["lsblk", "--json", "--bytes", "--output", _COLUMNS]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        return parse_lsblk(ran.stdout)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as fault:
        raise StoreError(f"lsblk does not tell of the disks: {fault}", hint="util-linux?") from None


def parse_lsblk(text: str) -> list[BlockDevice]:
    """The disks in what `lsblk --json` prints."""
    devices: list[dict[str, Any]] = json.loads(text)["blockdevices"]
    return [
        _disk(device)
        for device in devices
        if device["type"] == "disk" and device["size"] and not device["path"].startswith(_NO_DISKS)
    ]


def disk_file(path: Path) -> BlockDevice:
    """A file that stands for a disk, for a trial or a virtual machine. Raises UsageError."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as fault:
        raise UsageError(
            f"{path}: {fault.strerror}", hint="truncate -s 16G FILE makes one"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is neither a disk nor a file", hint="qc-edge flash --list")
    records = None
    if any(head):
        try:
            data = read_table(head).find(DATA)
        except UpdateError:
            data = None
        records = (data.start, data.end) if data else None
    contents = ("qc-edge with its records",) if records else ()
    return BlockDevice(str(path), status.st_size, "a file", contents=contents, records=records)


def _disk(device: dict[str, Any]) -> BlockDevice:
    below = list(_all_below(device))
    data = next((each for each in below if each.get("partlabel") == DATA), None)
    sector = int(device.get("log-sec") or SECTOR)
    return BlockDevice(
        path=device["path"],
        size=int(device["size"]),
        model=(device.get("model") or "").strip(),
        serial=(device.get("serial") or "").strip(),
        is_removable=bool(device.get("rm")) or device.get("tran") == "usb",
        is_read_only=bool(device.get("ro")),
        sector=sector,
        contents=tuple(filter(None, map(_words, [device, *below]))),
        in_use=_use([device, *below]),
        # lsblk counts in sectors of 512 bytes, whatever the disk has (sysfs(5): start)
        records=_place(data) if data else None,
    )


def _place(data: dict[str, Any]) -> tuple[int, int]:
    start = int(data["start"]) * 512
    return start, start + int(data["size"])


def _all_below(device: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in device.get("children") or []:
        yield child
        yield from _all_below(child)


def _use(devices: list[dict[str, Any]]) -> str:
    if any((each.get("partlabel") or "").startswith(STICK) for each in devices):
        return "the installer runs from it"
    mounted = [point for each in devices for point in each.get("mountpoints") or [] if point]
    if "/" in mounted:
        return "this system runs from it"
    if mounted:
        return f"it is in use: {', '.join(mounted)}"
    held = [each["name"] for each in devices[1:] if each["type"] != "part"]
    return f"it is in use by {', '.join(held)}" if held else ""


def _words(device: dict[str, Any]) -> str:
    if device.get("partlabel") == DATA:
        return "qc-edge with its records"
    kind, label = device.get("fstype"), device.get("label")
    if not kind:
        return ""
    return f'{kind} "{label}"' if label else str(kind)
