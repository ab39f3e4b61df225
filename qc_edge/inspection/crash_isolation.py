"""After a crash, the frames that may have caused it are taken one at a time until it is found.

A file that crashes the decoder or hangs the model would otherwise be the first one taken at each
start, and the station would never come up again (decision 0005).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.store.durable import Disk

TRIES = 3
"""A frame that was alone in hand this often when the station died is not tried again.

Not once: a power cut is nobody's fault.
"""


class CrashIsolation:
    """The suspects of the last crash, and how often each was tried; used by the inspector's thread.

    `file` keeps, across restarts, which frame is alone in hand and how often it was.
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
            pass  # no frame was in hand, or a power cut has torn the file: it counts as untried

    def is_suspect(self, frame: FrameId) -> bool:
        """True for a frame that may have been in hand when the station died."""
        return frame in self._suspects

    def begin(self, frame: FrameId) -> bool:
        """Record that `frame` is alone in hand; False if it has had its tries.

        Raises DiskFullError or StoreError: then it must not be touched.
        """
        tries = self._tried.get(frame, 0) + 1
        if tries > TRIES:
            return False
        # Durable before the frame is touched: what follows may kill the process.
        record = json.dumps({"frame_id": frame, "tries": tries}).encode()
        self._disk.write(self._file, [record], self._file.with_suffix(".new"))
        return True

    def end(self, frame: FrameId) -> None:
        """`frame` has its row: it is no suspect any more."""
        if frame in self._suspects:
            self._suspects.discard(frame)
            self._disk.unlink(self._file)
