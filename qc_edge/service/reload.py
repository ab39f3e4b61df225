"""`python -m qc_edge.service.reload STATUS_FILE PID`: what `systemctl reload` runs, in the unit.

Tells the station to read its settings again, waits for its answer in the status file and ends with
1 if they were refused. So `systemctl reload` fails where the change did not come into force, with
every version of systemd: a notification can only say that a reload has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

TAKEN_OVER = "taken over"
"""The outcome that the status file has of a reload that came into force."""

_ANSWER_S = 20.0
"""A station looks twice a second; what it reads may be on a slow disk."""

_LOOK_S = 0.05


def reload(status_file: Path, pid: int, timeout_s: float = _ANSWER_S) -> int:
    """Ask process `pid` to read its settings again; 0 if it took them over, 1 if not; says why."""
    before = _answer(status_file).get("number", 0)
    os.kill(pid, signal.SIGHUP)
    pause, end = threading.Event(), time.monotonic() + timeout_s
    while (answer := _answer(status_file)).get("number", 0) <= before:
        if time.monotonic() > end:
            sys.stderr.write(f"no answer of the station within {timeout_s:g} s\n")
            return 1
        pause.wait(_LOOK_S)
    sys.stdout.write(
        ": ".join(filter(None, [f"reload {answer['outcome']}", answer["detail"]])) + "\n"
    )
    return 0 if answer["outcome"] == TAKEN_OVER else 1


def _answer(status_file: Path) -> dict[str, Any]:
    try:
        return json.loads(status_file.read_bytes())["reload"] or {}
    except (OSError, ValueError, KeyError):
        return {}


if __name__ == "__main__":
    raise SystemExit(reload(Path(sys.argv[1]), int(sys.argv[2])))
