"""Files that other nodes drop into incoming/: which are finished, and which are not frames at all.

A finished file is claimed by renaming it into the spool's frames/ (decision 0004): from then on the
other node may use its name again, and nobody changes the file any more.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.service.clock import FrameClock
from qc_edge.service.logs import LOG
from qc_edge.settings import IncomingSettings
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile, claimed_name

_TEMPORARY = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".swp",
    ".lock",
    "~",
)
_SIDECAR = ".json"


@dataclass(slots=True)
class _Unsettled:
    """A listed file without an event that it is finished: its size and time, unchanged since when.

    `since` is in seconds of the monotonic clock.
    """

    size: int
    mtime_ns: int
    since: float


class IncomingFiles:
    """The files in incoming/ that are not claimed yet.

    Used by the arrivals worker; only `on_finished` is called from watchdog's thread. Hidden names
    and those of temporary files (.tmp, .part, ~ ...) are left alone, as are directories.
    `NAME.json` and `NAME.png.json` are sidecars of NAME.png. What lay there before the start has
    waited while nobody looked: it is taken as recovered.
    """

    def __init__(
        self, directory: Path, spool: Spool, clock: FrameClock, rules: IncomingSettings
    ) -> None:
        self.rules = rules
        self._directory = directory
        self._spool = spool
        self._clock = clock
        self._finished: deque[str] = deque()  # from watchdog's thread: append alone needs no lock
        self._unsettled: dict[str, _Unsettled] = {}
        self._awaiting_sidecar: dict[str, float] = {}  # name -> when the wait ends (monotonic)
        self._reported_directories: set[str] = set()
        self._present_at_start = set(os.listdir(directory))  # noqa: PTH208 (no Path object for each of 20,000)

    @property
    def is_pending(self) -> bool:
        """True while there are files to look at again soon."""
        return bool(self._unsettled or self._awaiting_sidecar)

    def on_finished(self, name: str) -> None:
        """The kernel reports that `name` was closed after writing or renamed in."""
        self._finished.append(name)

    def scan(self) -> None:
        """List the directory: what had no event is claimed once it was unchanged for settle_s."""
        if not self.rules.enabled:
            return
        now = time.monotonic()
        with os.scandir(self._directory) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if name not in self._awaiting_sidecar and self._is_frame(name):
                self._unsettled.setdefault(name, _Unsettled(-1, -1, now))
        for gone in self._unsettled.keys() - set(names):
            del self._unsettled[gone]

    def claim_finished(self) -> Iterator[SpooledFile]:
        """Move what is finished into the spool, one file after the other."""
        if not self.rules.enabled:
            return
        while self._finished:
            name = self._finished.popleft()
            if name.endswith(_SIDECAR):
                self._on_sidecar(name)
            elif self._is_frame(name):
                yield from self._claim(name)
        now = time.monotonic()
        for name, unsettled in list(self._unsettled.items()):
            if self._has_settled(name, unsettled, now):
                yield from self._claim(name)
        for name, deadline in list(self._awaiting_sidecar.items()):
            if now >= deadline:
                # Claimed all the same: the preparer refuses it, so that it gets its INVALID row.
                yield from self._claim(name, without_sidecar=True)

    def _claim(self, name: str, *, without_sidecar: bool = False) -> Iterator[SpooledFile]:
        self._unsettled.pop(name, None)
        sidecar = None if self.rules.sidecar == "none" else self._sidecar_of(name)
        if self.rules.sidecar == "required" and sidecar is None and not without_sidecar:
            self._awaiting_sidecar.setdefault(name, time.monotonic() + self.rules.sidecar_wait_s)
            return
        self._awaiting_sidecar.pop(name, None)
        if self._is_directory(name):
            return
        stamp = self._clock.stamp("incoming")
        file = SpooledFile(
            claimed_name(stamp.frame_id, name),
            stamp.frame_id,
            stamp.monotonic_ns,
            recovered=name in self._present_at_start,
            clock_trusted=stamp.clock_trusted,
        )
        # Once: the next file of this name (`latest.png`) is a new one.
        self._present_at_start.discard(name)
        if self._spool.claim(name, sidecar, file):
            yield file

    def _has_settled(self, name: str, unsettled: _Unsettled, now: float) -> bool:
        try:
            status = os.lstat(self._directory / name)
        except FileNotFoundError:
            self._unsettled.pop(name, None)
            return False
        if (status.st_size, status.st_mtime_ns) != (unsettled.size, unsettled.mtime_ns):
            unsettled.size, unsettled.mtime_ns = status.st_size, status.st_mtime_ns
            unsettled.since = now
        # A file that has lain there for long needs no second look: its own time says so.
        unchanged_s = max(now - unsettled.since, time.time() - status.st_mtime)
        return unchanged_s >= self.rules.settle_s

    def _is_frame(self, name: str) -> bool:
        if name.startswith(".") or name.endswith((_SIDECAR, *_TEMPORARY)):
            return False
        return not self._is_directory(name)

    def _is_directory(self, name: str) -> bool:
        try:
            if not stat.S_ISDIR(os.lstat(self._directory / name).st_mode):
                return False
        except FileNotFoundError:
            return True  # gone: nothing to take either
        if name not in self._reported_directories:
            self._reported_directories.add(name)
            LOG.warning("%s is a directory: only files in %s are taken", name, self._directory)
        return True

    def _sidecar_of(self, name: str) -> str | None:
        for candidate in (f"{name}{_SIDECAR}", f"{Path(name).stem}{_SIDECAR}"):
            if os.path.isfile(self._directory / candidate):  # noqa: PTH113 (False, too, if the name is too long)
                return candidate
        return None

    def _on_sidecar(self, sidecar: str) -> None:
        """Look again at the frames that may have waited for this sidecar."""
        stem = sidecar.removesuffix(_SIDECAR)
        for name in list(self._awaiting_sidecar):
            if stem in {name, Path(name).stem}:
                self._finished.append(name)
