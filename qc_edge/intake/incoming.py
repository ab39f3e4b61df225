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
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import FrameId
from qc_edge.errors import FileServerError, StoreError
from qc_edge.intake.blocked_files import BlockedFiles
from qc_edge.intake.file_uses import FileUses
from qc_edge.intake.settling import Settling
from qc_edge.intake.sidecar_match import SUFFIX, Match, SidecarMatch, is_sidecar
from qc_edge.service.clock import FrameClock
from qc_edge.settings import INCOMING, IncomingSettings
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile, claimed_name

_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".lock")


class IncomingFiles:
    """The files in incoming/, or in the folder of a node there, that are not claimed yet.

    Used by the arrivals worker; only `on_finished` is called from watchdog's thread. Hidden names
    and those of temporary files (.tmp, .part, ~ ...) are left alone, as are directories.
    `NAME.json` and `NAME.png.json` are sidecars of NAME.png. What lay there before the start has
    waited while nobody looked: it is taken as recovered. A fault of one file is that file's.
    """

    def __init__(
        self,
        directory: Path,
        node: str,
        spool: Spool,
        clock: FrameClock,
        rules: IncomingSettings,
        events: EventLog,
        *,
        was_there: bool = True,
    ) -> None:
        """`node` is "incoming", or the name of the node's folder; `was_there` is False for one that
        was made while the station ran.
        """
        self.rules = rules
        self.folders: set[str] = set()  # names of directories in it
        self._directory = directory
        self._node = node
        self._spool = spool
        self._clock = clock
        self._finished: deque[str] = deque()  # from watchdog's thread: append alone needs no lock
        self._settling = Settling(directory)
        self._awaiting_sidecar: dict[str, float] = {}  # name -> when the wait ends (monotonic)
        self._doubts: dict[str, str] = {}  # of images that wait for another sidecar
        self._blocked = BlockedFiles(directory, events)
        self._events = events
        self._lost = ""  # why the directory cannot be listed
        self._held = ""  # which file is waited for although its writer does nothing
        self._present_at_start = set(self._names()) if was_there else set()
        for name in self._present_at_start:
            self._is_directory(name)
        self._sidecars = SidecarMatch(
            directory, spool.set_aside, events, frozenset(self._present_at_start)
        )

    @property
    def uses(self) -> FileUses:
        """Which files are being written, to be told by the directory's watch."""
        return self._settling.uses

    @property
    def is_pending(self) -> bool:
        """True while there are files to look at again soon."""
        return bool(self._settling or self._awaiting_sidecar)

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
            if is_sidecar(name):
                self._on_sidecar(name)
            if name in self._awaiting_sidecar or self._blocked.is_waiting(name, now):
                continue
            if self._is_frame(name):
                self._settling.add(name)
        self._settling.keep_only(set(names))
        self._blocked.keep_only(set(names))

    def claim_finished(self, beat: Callable[[], object]) -> Iterator[SpooledFile]:
        """Move what is finished into the spool, one file after the other.

        `beat` is called while a large file is copied from another file system.
        """
        if not self.rules.enabled:
            return
        while self._finished:
            name = self._finished.popleft()
            if is_sidecar(name):
                self._on_sidecar(name)
            elif self._is_frame(name):
                yield from self._claim(name, beat)
        now = time.monotonic()
        self._held = ""
        for name in self._settling.names:
            if self._settling.is_held_open(name):
                self._held = f"incoming: {name!r} is held open by a writer that pauses: fuser -v"
            if self._has_settled(name):
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
        self._settling.discard(name)
        rules = self.rules
        match = Match() if rules.sidecar == "none" else self._sidecars.match(name, rules)
        if rules.sidecar == "required" and match.sidecar is None and not without_sidecar:
            self._await_sidecar(name, match)
            return
        self._awaiting_sidecar.pop(name, None)
        doubt = self._doubts.pop(name, None) if match.sidecar is None else None
        if self._is_directory(name):
            return
        stamp = self._clock.stamp(self._node)
        file = SpooledFile(
            claimed_name(stamp.frame_id, name),
            stamp.frame_id,
            stamp.monotonic_ns,
            recovered=name in self._present_at_start,
            clock_trusted=stamp.clock_trusted,
            sidecar_doubt=match.doubt or doubt,
        )
        if self._take(name, match, file, beat):
            yield file

    def _await_sidecar(self, name: str, match: Match) -> None:
        """Wait for the required sidecar of `name`; those that lie there are another image's."""
        self._awaiting_sidecar.setdefault(name, time.monotonic() + self.rules.sidecar_wait_s)
        if match.doubt is not None:
            self._doubts[name] = match.doubt
            self._put_aside(match, self._clock.stamp(self._node).frame_id)

    def _take(self, name: str, match: Match, file: SpooledFile, beat: Callable[[], object]) -> bool:
        folder = "" if self._node == INCOMING else f"{self._node}/"
        sidecar = match.sidecar
        try:
            with self._spool.server.call():
                is_claimed = self._spool.claims.claim(
                    f"{folder}{name}", sidecar and f"{folder}{sidecar}", file, beat
                )
        except FileServerError:
            return False  # listed again when the server answers
        except (OSError, StoreError) as fault:
            self._blocked.add(name, fault)
            return False
        self._blocked.discard(name)
        # Once: the next file of this name (`latest.png`) is a new one.
        self._present_at_start.discard(name)
        if is_claimed:
            self._sidecars.taken(name, with_sidecar=sidecar is not None)
            self._put_aside(match, file.frame_id)
        return is_claimed

    def _put_aside(self, match: Match, frame_id: FrameId) -> None:
        for sidecar in match.doubtful:
            self._sidecars.put_aside(sidecar, frame_id, match.doubt or "another one fits")

    def _has_settled(self, name: str) -> bool:
        try:
            return self._settling.has_settled(name, self.rules.settle_s)
        except OSError as fault:
            self._settling.discard(name)
            if not isinstance(fault, FileNotFoundError):
                self._blocked.add(name, fault)
            return False

    def _is_frame(self, name: str) -> bool:
        if name.startswith(".") or is_sidecar(name) or name.lower().endswith((*_TEMPORARY, "~")):
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
        self.folders.add(name)
        return True

    def _on_sidecar(self, sidecar: str) -> None:
        """Look again at the frames that may have waited for it, or see that it comes too late."""
        stem = sidecar[: -len(SUFFIX)]
        waiting = [name for name in self._awaiting_sidecar if stem in {name, Path(name).stem}]
        self._finished.extend(waiting)
        if waiting or self.rules.sidecar == "none":
            return
        if (why := self._sidecars.is_nobodys(sidecar)) is not None:
            self._sidecars.put_aside(sidecar, self._clock.stamp(self._node).frame_id, why)
