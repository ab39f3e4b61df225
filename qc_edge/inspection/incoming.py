"""Files that other nodes drop into incoming/: which are finished, and which are none of ours."""

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
from qc_edge.store.spool import Spool, SpooledFile, claimed_name

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
class _Seen:
    """A file that nobody announced as finished: its size and time when last looked at, and since
    when.
    """

    size: int
    mtime_ns: int
    since: float


class IncomingFiles:
    """Called by the arrivals worker; only `finished` is called from watchdog's thread.

    Hidden names and those of temporary files (.tmp, .part, ~ ...) are left alone, as are
    directories. `NAME.json` and `NAME.png.json` are sidecars of NAME.png. What lay there before the
    start has waited while nobody looked: it is taken as recovered.
    """

    def __init__(
        self, directory: Path, spool: Spool, clock: FrameClock, rules: IncomingSettings
    ) -> None:
        self.rules = rules
        self._directory = directory
        self._spool = spool
        self._clock = clock
        self._announced: deque[str] = deque()
        self._seen: dict[str, _Seen] = {}
        self._for_sidecar: dict[str, float] = {}
        self._ignored: set[str] = set()
        self._at_start = set(os.listdir(directory))  # noqa: PTH208 (no Path object for each of 20,000)

    @property
    def unsettled(self) -> bool:
        """True while there are files to look at again soon."""
        return bool(self._seen or self._for_sidecar)

    def finished(self, name: str) -> None:
        """The kernel says that `name` was closed after writing or renamed in."""
        self._announced.append(name)

    def look(self) -> None:
        """List the directory: what no event announced is taken once it has been quiet for
        settle_s.
        """
        if not self.rules.enabled:
            return
        now = time.monotonic()
        with os.scandir(self._directory) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if name not in self._for_sidecar and self._is_frame(name):
                self._seen.setdefault(name, _Seen(-1, -1, now))
        for gone in self._seen.keys() - set(names):
            del self._seen[gone]

    def claims(self) -> Iterator[SpooledFile]:
        """Take over what is finished, one after the other."""
        if not self.rules.enabled:
            return
        while self._announced:
            name = self._announced.popleft()
            if name.endswith(_SIDECAR):
                self._sidecar_came(name)
            elif self._is_frame(name):
                yield from self._take(name)
        now = time.monotonic()
        for name, seen in list(self._seen.items()):
            if self._has_settled(name, seen, now):
                yield from self._take(name)
        for name, until in list(self._for_sidecar.items()):
            if now >= until:
                yield from self._take(name, alone=True)

    def _take(self, name: str, *, alone: bool = False) -> Iterator[SpooledFile]:
        self._seen.pop(name, None)
        sidecar = None if self.rules.sidecar == "none" else self._sidecar_of(name)
        if self.rules.sidecar == "required" and sidecar is None and not alone:
            self._for_sidecar.setdefault(name, time.monotonic() + self.rules.sidecar_wait_s)
            return
        self._for_sidecar.pop(name, None)
        if self._is_directory(name):
            return
        stamp = self._clock.stamp("incoming")
        claimed = claimed_name(stamp.frame_id, name)
        waiting = SpooledFile(
            claimed,
            stamp.frame_id,
            stamp.monotonic_ns,
            recovered=name in self._at_start,
            clock_trusted=stamp.clock_trusted,
        )
        self._at_start.discard(name)
        if self._spool.claim(name, sidecar, waiting):
            yield waiting

    def _has_settled(self, name: str, seen: _Seen, now: float) -> bool:
        try:
            found = os.lstat(self._directory / name)
        except FileNotFoundError:
            self._seen.pop(name, None)
            return False
        if (found.st_size, found.st_mtime_ns) != (seen.size, seen.mtime_ns):
            seen.size, seen.mtime_ns, seen.since = found.st_size, found.st_mtime_ns, now
        # A file that has lain there for long needs no second look: its own time says so.
        quiet = max(now - seen.since, time.time() - found.st_mtime)
        return quiet >= self.rules.settle_s

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
        if name not in self._ignored:
            self._ignored.add(name)
            LOG.warning("%s is a directory: only files in %s are taken", name, self._directory)
        return True

    def _sidecar_of(self, name: str) -> str | None:
        for candidate in (f"{name}{_SIDECAR}", f"{Path(name).stem}{_SIDECAR}"):
            if os.path.isfile(self._directory / candidate):  # noqa: PTH113 (False, too, if the name is too long)
                return candidate
        return None

    def _sidecar_came(self, sidecar: str) -> None:
        stem = sidecar.removesuffix(_SIDECAR)
        for name in list(self._for_sidecar):
            if stem in {name, Path(name).stem}:
                self._announced.append(name)
