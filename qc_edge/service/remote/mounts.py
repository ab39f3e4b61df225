"""Which directories another machine serves, as the kernel's own list of mounts tells it.

Nothing here asks the file server: one that does not answer would keep whoever asks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "virtiofs"}
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mounts() -> dict[str, str]:
    """Mount points and the types of their file systems, see proc_pid_mountinfo(5)."""
    found = {}
    for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        place, _, source = line.partition(" - ")
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), place.split()[4])
        found[point] = source.split()[0]  # what was mounted last at a place hides the rest
    return found


def is_remote(directory: Path) -> bool:
    """Whether `directory` (absolute) lies on a mount of a file server, or of a program (FUSE)."""
    # Its parent alone is resolved: to look at a mount's root is to ask its server.
    place = os.path.join(os.path.realpath(directory.parent), directory.name)  # noqa: PTH118
    known = mounts()
    while place not in known and place != "/":
        place = os.path.dirname(place)  # noqa: PTH120
    kind = known.get(place, "")
    return kind in _REMOTE or kind.startswith("fuse.")
