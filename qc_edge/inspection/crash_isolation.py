"""After a crash: the frames that were in hand are taken one at a time, so that the guilty one
shows.

A file that crashes the decoder or hangs the model would otherwise take the station down at each
start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.store.durable import Disk

TRIES = 3
"""A frame that was alone in hand this often when the station died is not tried again."""


class CrashIsolation:
    """Used by the inspector's thread. `file` names the frame that is alone in hand, and how
    often.
    """

    def __init__(self, file: Path, disk: Disk, suspects: Iterable[FrameId]) -> None:
        self._file = file
        self._disk = disk
        self._suspects = set(suspects)
        self._tried: dict[str, int] = {}
        try:
            content = json.loads(file.read_bytes())
            self._tried = {str(content["frame_id"]): int(content["tries"])}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # none was in hand, or the note was torn with the power

    def applies(self, frame: FrameId) -> bool:
        """True for a frame that may have been in hand when the station died."""
        return frame in self._suspects

    def begin(self, frame: FrameId) -> bool:
        """Note that `frame` is alone in hand; False if it has had its tries."""
        tries = self._tried.get(frame, 0) + 1
        if tries > TRIES:
            return False
        note = json.dumps({"frame_id": frame, "tries": tries}).encode()
        self._disk.write(self._file, [note], self._file.with_suffix(".new"))
        return True

    def end(self, frame: FrameId) -> None:
        """`frame` has its row."""
        if frame in self._suspects:
            self._suspects.discard(frame)
            self._disk.unlink(self._file)
