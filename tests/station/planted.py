"""What somebody who may write to a directory of the station's can leave there beside records."""

from __future__ import annotations

import os
from pathlib import Path


def plant(directory: Path, suffix: str) -> list[Path]:
    """A pipe, a link, a directory, too large a file, and a name that is no text; their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    stem = "20261128T000000000000Z"
    names = [os.fsencode(f"{stem}-0000000{kind}{suffix}") for kind in range(4)]
    pipe, link, folder, large, nameless = (
        directory / os.fsdecode(name) for name in (*names, b"\xff" + suffix.encode())
    )
    os.mkfifo(pipe)
    link.symlink_to("/etc/passwd")
    folder.mkdir()
    large.write_bytes(b" " * (2 << 20))
    nameless.write_bytes(b"{")
    return [pipe, link, folder, large, nameless]
