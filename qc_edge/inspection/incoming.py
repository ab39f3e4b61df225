"""Files that other nodes drop into incoming/: which are finished, and which are not frames at all.

A finished file is claimed by moving it into the spool's frames/ (decision 0004): from then on the
other node may use its name again, and nobody changes the file any more.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import StoreError
from qc_edge.inspection.blocked_files import BlockedFiles
from qc_edge.service.clock import FrameClock
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.service.logs import LOG
from qc_edge.service.open_files import is_open_for_writing
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
_SIDECAR_SUFFIXES = (".json", ".JSON", ".Json")
_LOOK_AGAIN_S = 1.0
"""Before a file that somebody has open for writing is asked for again."""

_HELD_S = 60.0
"""A writer that has written nothing for so long is worth a look."""


@dataclass(slots=True)
class _Unsettled:
    """A listed file without an event that it is finished: its size and times, since when.

    `since`, and `not_before` when it is asked again whether it is open, are in seconds of the
    monotonic clock.
    """

    state: tuple[int, int, int]
    since: float
    not_before: float = 0.0


class IncomingFiles:
    """The files in incoming/ that are not claimed yet.

    Used by the arrivals worker; only `on_finished` is called from watchdog's thread. Hidden names
    and those of temporary files (.tmp, .part, ~ ...) are left alone, as are directories.
    `NAME.json` and `NAME.png.json` are sidecars of NAME.png. What lay there before the start has
    waited while nobody looked: it is taken as recovered. A fault of one file is that file's.
    """

    def __init__(
        self,
        directory: Path,
        spool: Spool,
        clock: FrameClock,
        rules: IncomingSettings,
        events: EventLog,
    ) -> None:
        self.rules = rules
        self._directory = directory
        self._spool = spool
        self._clock = clock
        self._finished: deque[str] = deque()  # from watchdog's thread: append alone needs no lock
        self._unsettled: dict[str, _Unsettled] = {}
        self._awaiting_sidecar: dict[str, float] = {}  # name -> when the wait ends (monotonic)
        self._reported_directories: set[str] = set()
        self._blocked = BlockedFiles(directory, events)
        self._file_clock = FileSystemClock(directory)
        self._events = events
        self._lost = ""  # why the directory cannot be listed
        self._held = ""  # which file is waited for although its writer does nothing
        self._present_at_start = set(self._names())

    @property
    def is_pending(self) -> bool:
        """True while there are files to look at again soon."""
        return bool(self._unsettled or self._awaiting_sidecar)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps files from being taken; from any thread."""
        return tuple(filter(None, (self._lost, self._blocked.warning, self._held)))

    def on_finished(self, name: str) -> None:
        """The kernel reports that `name` was closed after writing or renamed in."""
        self._finished.append(name)

    def scan(self) -> None:
        """List the directory: what had no event is claimed once it was unchanged for settle_s."""
        if not self.rules.enabled:
            return
        now = time.monotonic()
        names = self._names()
        if self._lost:
            return
        for name in names:
            if name in self._awaiting_sidecar or self._blocked.is_waiting(name, now):
                continue
            if self._is_frame(name):
                self._unsettled.setdefault(name, _Unsettled((-1, -1, -1), now))
        for gone in self._unsettled.keys() - set(names):
            del self._unsettled[gone]
        self._blocked.keep_only(set(names))

    def claim_finished(self, beat: Callable[[], object]) -> Iterator[SpooledFile]:
        """Move what is finished into the spool, one file after the other.

        `beat` is called while a large file is copied from another file system.
        """
        if not self.rules.enabled:
            return
        while self._finished:
            name = self._finished.popleft()
            if name.lower().endswith(_SIDECAR):
                self._on_sidecar(name)
            elif self._is_frame(name):
                yield from self._claim(name, beat)
        now = time.monotonic()
        self._held = ""
        for name, unsettled in list(self._unsettled.items()):
            if unsettled.not_before and now - unsettled.since > _HELD_S:
                self._held = f"incoming: {name!r} is held open by a writer that pauses: fuser -v"
            if self._has_settled(name, unsettled, now):
                yield from self._claim(name, beat)
        for name, deadline in list(self._awaiting_sidecar.items()):
            if now >= deadline:
                # Claimed all the same: the preparer refuses it, so that it gets its INVALID row.
                yield from self._claim(name, beat, without_sidecar=True)

    def _names(self) -> list[str]:
        """All names in the directory; none, with an event, while it cannot be listed."""
        try:
            names = os.listdir(self._directory)  # noqa: PTH208 (no Path object for each of 20,000)
        except OSError as fault:
            if not self._lost:
                self._lost = f"incoming: {self._directory} cannot be listed: {fault.strerror}"
                self._events.report(Occurrence(EventKind.INCOMING_LOST, self._lost, who="arrivals"))
            return []
        if self._lost:
            self._lost = ""
            back = f"{self._directory} can be listed again"
            self._events.report(Occurrence(EventKind.INCOMING_BACK, back, who="arrivals"))
        return names

    def _claim(
        self, name: str, beat: Callable[[], object], *, without_sidecar: bool = False
    ) -> Iterator[SpooledFile]:
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
        try:
            is_claimed = self._spool.claims.claim(name, sidecar, file, beat)
        except (OSError, StoreError) as fault:
            self._blocked.add(name, fault)
            return
        self._blocked.discard(name)
        # Once: the next file of this name (`latest.png`) is a new one.
        self._present_at_start.discard(name)
        if is_claimed:
            yield file

    def _has_settled(self, name: str, unsettled: _Unsettled, now: float) -> bool:
        try:
            status = os.lstat(self._directory / name)
        except OSError as fault:
            self._unsettled.pop(name, None)
            if not isinstance(fault, FileNotFoundError):
                self._blocked.add(name, fault)
            return False
        state = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if state != unsettled.state:
            unsettled.state, unsettled.since = state, now
        unchanged_s, settle_s = now - unsettled.since, self.rules.settle_s
        if unchanged_s < settle_s:
            # A file that has lain there for long needs no second look, if its own time says so.
            age_s = self._file_clock.age_s(status)
            if age_s is None or age_s < settle_s:
                return False
        if now < unsettled.not_before:
            return False
        # A writer may pause for longer: as long as it has the file open, it is waited for.
        unsettled.not_before = now + _LOOK_AGAIN_S
        return not is_open_for_writing(self._directory / name)

    def _is_frame(self, name: str) -> bool:
        if name.startswith(".") or name.lower().endswith((_SIDECAR, *_TEMPORARY)):
            return False
        return not self._is_directory(name)

    def _is_directory(self, name: str) -> bool:
        try:
            if not stat.S_ISDIR(os.lstat(self._directory / name).st_mode):
                return False
        except OSError as fault:
            if not isinstance(fault, FileNotFoundError):
                self._blocked.add(name, fault)
            return True  # gone, or out of reach: nothing to take either
        if name not in self._reported_directories:
            self._reported_directories.add(name)
            LOG.warning("%s is a directory: only files in %s are taken", name, self._directory)
        return True

    def _sidecar_of(self, name: str) -> str | None:
        stems = (name, Path(name).stem)
        for candidate in (f"{stem}{suffix}" for stem in stems for suffix in _SIDECAR_SUFFIXES):
            if os.path.isfile(self._directory / candidate):  # noqa: PTH113 (False, too, if the name is too long)
                return candidate
        return None

    def _on_sidecar(self, sidecar: str) -> None:
        """Look again at the frames that may have waited for this sidecar."""
        stem = sidecar[: -len(_SIDECAR)]
        for name in list(self._awaiting_sidecar):
            if stem in {name, Path(name).stem}:
                self._finished.append(name)
