"""When the line can spare its stations: between parts."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

_LOOK_S = 0.2
_FRESH_S = 5.0


def busy_stations(root: Path) -> list[str]:
    """Stations that run and have frames waiting now, by their own word."""
    busy = []
    for path in sorted((root / "run/qc-edge").glob("*/status.json")):
        try:
            status = json.loads(path.read_bytes())
            fresh = abs(time.time() - path.stat().st_mtime) < _FRESH_S
            if fresh and status["spool_depth"]:
                busy.append(path.parent.name)
        except (OSError, ValueError, LookupError):
            continue  # being written, or of a version that says it otherwise
    return busy


def wait_until_between_parts(root: Path, limit_s: float) -> list[str]:
    """Wait until no station has frames waiting; those that still had some when the time was over.

    Frames that come later wait in the spool and are inspected by the new version.
    """
    pause, end = threading.Event(), time.monotonic() + limit_s
    while (busy := busy_stations(root)) and time.monotonic() < end:
        pause.wait(_LOOK_S)
    return busy
