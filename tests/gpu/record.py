"""The figures of a run, written after every check: what ends the process leaves those before it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qc_edge.service.synced_file import replace_file


class Record:
    """`result` as JSON at `path`. `result["running"]` names the check that is under way: one that
    ended the process is still there afterwards. `result["failed"]` counts.
    """

    def __init__(self, result: dict[str, Any], path: Path) -> None:
        self._result, self.path = result, path
        self._write()

    def try_out(self, title: str, into: dict[str, Any], key: str, check: Callable[[], Any]) -> None:
        """Keep what the check returns under `key`, or how it failed with the figures it had."""
        self._result["running"] = title
        self._write()
        try:
            into[key] = check()
            print(f"ok      {title}: {json.dumps(into[key])}", flush=True)
        except Exception as fault:  # noqa: BLE001 - the other checks still tell something
            traceback.print_exc()
            figures = getattr(fault, "figures", {})
            into[key] = {"failed": f"{type(fault).__name__}: {fault}", **figures}
            self._result["failed"] += 1
            print(f"FAILED  {title}: {fault}", flush=True)
        del self._result["running"]
        self._write()

    def _write(self) -> None:
        replace_file(self.path, (json.dumps(self._result, indent=1) + "\n").encode())
