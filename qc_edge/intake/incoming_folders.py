"""incoming/ and the folders of nodes in it: incoming/NODE/ takes the files of one node.

Two nodes that drop the same name into one directory overwrite each other; in folders of their own
they cannot. The node's name is the camera's in all rows. One level: what lies deeper is left alone.
"""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from qc_edge.domain.events import EventLog
from qc_edge.intake.incoming import IncomingFiles
from qc_edge.intake.watch import DirectoryWatch
from qc_edge.service.clock import FrameClock
from qc_edge.service.logs import LOG
from qc_edge.settings import INCOMING, IncomingSettings, Settings, StationPaths
from qc_edge.settings.section import NAME_PATTERN
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile


class IncomingFolders:
    """The files in incoming/ and in its folders; used by the arrivals worker.

    `wake` is set when a finished file is reported, from watchdog's thread.
    """

    def __init__(
        self,
        paths: StationPaths,
        spool: Spool,
        clock: FrameClock,
        settings: Settings,
        events: EventLog,
        wake: threading.Event,
    ) -> None:
        self._root = paths.incoming
        self._own_cameras = frozenset(camera.name for camera in settings.camera)
        self._make_files = partial(IncomingFiles, spool=spool, clock=clock, events=events)
        self._wake = wake
        self._refused: set[str] = set()
        self._files: dict[str, IncomingFiles] = {}
        self._watches: dict[str, DirectoryWatch] = {}
        self._add(INCOMING, self._root, settings.incoming, was_there=True)
        self._find_nodes(was_there=True)

    @property
    def rules(self) -> IncomingSettings:
        """The rules for dropped files; may be replaced while running."""
        return self._files[INCOMING].rules

    @rules.setter
    def rules(self, rules: IncomingSettings) -> None:
        for files in self._files.copy().values():
            files.rules = rules

    @property
    def watches(self) -> tuple[DirectoryWatch, ...]:
        """The watches on the directories."""
        return tuple(self._watches.values())

    def forget_uses(self) -> None:
        """Events were missed: which files are being written is not known any more."""
        for files in self._files.values():
            files.uses.clear()

    @property
    def is_pending(self) -> bool:
        """True while there are files to look at again soon."""
        return any(files.is_pending for files in self._files.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps files from being taken; from any thread."""
        return tuple(text for files in self._files.copy().values() for text in files.warnings)

    def scan(self) -> None:
        """List all directories, and find new folders."""
        for files in self._files.values():
            files.scan()
        self._find_nodes(was_there=False)

    def claim_finished(self, beat: Callable[[], object]) -> Iterator[SpooledFile]:
        """Move what is finished into the spool, directory by directory."""
        for files in self._files.values():
            yield from files.claim_finished(beat)

    def _add(self, node: str, directory: Path, rules: IncomingSettings, *, was_there: bool) -> None:
        files = self._make_files(directory, node, rules=rules, was_there=was_there)
        self._files[node] = files

        def on_finished(name: str) -> None:
            files.on_finished(name)
            self._wake.set()

        self._watches[node] = DirectoryWatch(directory, on_finished, files.uses.on_event)

    def _find_nodes(self, *, was_there: bool) -> None:
        folders = self._files[INCOMING].folders
        for node in sorted(folders - self._files.keys() - self._refused):
            if (why := self._why_refused(node)) is None:
                self._add(node, self._root / node, self.rules, was_there=was_there)
                LOG.info("%s is taken as the folder of node %s", self._root / node, node)
            else:
                self._refused.add(node)
                LOG.warning("nothing in %s is taken: %s", self._root / node, why)
        for node in self._files.keys() - {INCOMING}:
            if not _is_directory(self._root / node):
                del self._files[node]
                self._watches.pop(node).stop()
                folders.discard(node)

    def _why_refused(self, node: str) -> str | None:
        if not re.match(NAME_PATTERN, node) or node == INCOMING:
            return "a node's folder is named like a camera: small letters, digits and -"
        if node in self._own_cameras:
            return "one of this station's own cameras has that name"
        return None


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
