"""What is mounted where, as the kernel's own list of mounts tells it.

Nothing here asks a file server: one that does not answer would keep whoever asks.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "virtiofs"}
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount: the type of its file system, whether the mount takes no writes, and whether the
    file system does not, wherever it is mounted.
    """

    kind: str
    is_read_only: bool
    is_file_system_read_only: bool

    @property
    def is_remote(self) -> bool:
        """Of a file server, or of a program (FUSE)."""
        return self.kind in _REMOTE or self.kind.startswith("fuse.")


def mounts() -> dict[str, Mount]:
    """Mount points and what is mounted there, see proc_pid_mountinfo(5)."""
    found = {}
    for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        place, _, source = line.partition(" - ")
        fields, (kind, *_source, options) = place.split(), source.split(" ")
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        # What was mounted last at a place hides the rest.
        found[point] = Mount(kind, "ro" in fields[5].split(","), "ro" in options.split(","))
    return found


def mount_of(directory: Path) -> Mount | None:
    """The mount that `directory` (absolute) lies on."""
    # Its parent alone is resolved: to look at a mount's root is to ask its server.
    place = os.path.join(os.path.realpath(directory.parent), directory.name)  # noqa: PTH118
    known = mounts()
    while place not in known and place != "/":
        place = os.path.dirname(place)  # noqa: PTH120
    return known.get(place)


def is_remote(directory: Path) -> bool:
    """Whether `directory` (absolute) lies on a mount of a file server, or of a program (FUSE)."""
    mount = mount_of(directory)
    return mount is not None and mount.is_remote
