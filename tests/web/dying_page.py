"""The page as a process that is killed at one step of writing a label (`DIE_AT`: half, after),
as the kernel or a power cut does it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from qc_edge import cli
from qc_edge.service import synced_file
from qc_edge.store import durable


def main() -> None:
    """As `qc-edge`, with a disk that kills."""
    step, replace_file = os.environ["DIE_AT"], synced_file.replace_file

    def replace(path: Path, data: bytes, *, temporary: Path, **rest: Any) -> None:
        if path.parent.name != "labels":
            replace_file(path, data, temporary=temporary, **rest)
            return
        if step == "half":
            temporary.write_bytes(data[: len(data) // 2])
        elif step == "after":
            replace_file(path, data, temporary=temporary, **rest)
        os.kill(os.getpid(), signal.SIGKILL)

    vars(durable)["replace_file"] = replace
    cli.main()
