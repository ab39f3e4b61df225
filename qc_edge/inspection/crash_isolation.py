"""After a crash, the frames that may have caused it are taken one at a time until it is found.

A file that crashes the decoder or hangs the model would otherwise be the first one taken at each
start, and the station would never come up again (decision 0005).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.store.durable import Disk

TRIES = 3
"""A frame that was alone in hand this often when the station died is not tried again.

Not once: a power cut is nobody's fault.
"""

_SLOTS = 1024
"""More than the frames that live parts may overtake while they are in hand."""

_WIDTH = 160
"""Bytes of a slot: a frame id is a time of 22 characters and a camera's name of up to 100."""


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


class TakenFrames:
    """The frames that were taken last, a ring of ids in a file; used by the inspector's thread.

    With two lanes the frames in hand at a crash are not the oldest of the spool, so they are noted.

    Written without a sync: the kernel keeps it when the process dies, and a power cut is nobody's
    fault. A file that cannot be written is no reason to stop.
    """

    def __init__(self, path: Path) -> None:
        """Read what the last run has taken."""
        self._slot = 0
        self._fd = -1
        self.before: frozenset[str] = frozenset()
        with contextlib.suppress(OSError):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            content = os.pread(self._fd, _SLOTS * _WIDTH, 0)
            slots = (content[at : at + _WIDTH] for at in range(0, len(content), _WIDTH))
            self.before = frozenset(
                slot.rstrip(b"\0 ").decode("utf-8", "replace") for slot in slots
            ) - {""}

    def note(self, frame: FrameId) -> None:
        """`frame` is about to be read and prepared."""
        name = frame.encode()[:_WIDTH].ljust(_WIDTH)
        with contextlib.suppress(OSError):
            os.pwrite(self._fd, name, self._slot * _WIDTH)
        self._slot = (self._slot + 1) % _SLOTS

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
