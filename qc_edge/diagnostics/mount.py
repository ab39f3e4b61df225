"""How the disk under a station is mounted: options by which a power cut loses what was synced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.diagnostics.host import Host

_MOUNTS = "proc/self/mounts"
_RISKS = {
    "data=writeback": "after a power cut a file may hold another one's old content, and a picture "
    "that was removed may come back with it",
    "nobarrier": "a power cut may lose what was synced",
    "barrier=0": "a power cut may lose what was synced",
}
"""Options of ext4, XFS and btrfs, and what each costs (ext4(5), mount(8))."""


def check_mount(host: Host, state: Path) -> Iterator[Finding]:
    """The mount options of the file system that holds `state`."""
    mounted = _mount_of(host.read(_MOUNTS) or "", state)
    if mounted is None:
        return
    point, kind, options = mounted
    risks = [option for option in options if option in _RISKS]
    for option in risks:
        yield warning(
            f"{point} ({kind}) is mounted with {option}: {_RISKS[option]}",
            f"take {option} out of /etc/fstab (or tune2fs -o), and mount it anew",
        )
    if not risks:
        yield ok(f"{point} ({kind}) is mounted so that what is synced stays")


def _mount_of(mounts: str, state: Path) -> tuple[str, str, list[str]] | None:
    """Mount point, type and options of the file system that `state` is or will be on."""
    place, found = state.absolute(), None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        # Spaces and backslashes in a mount point are octal escapes, see fstab(5).
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
        # Of two on one point the later one is on top.
        if place.is_relative_to(point) and (found is None or len(point) >= len(found[0])):
            found = point, fields[2], fields[3].split(",")
    return found
