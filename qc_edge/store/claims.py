"""Taking dropped files out of incoming/ into the spool: by rename, and across file systems by copy.

A rename is one step. A copy has several, so that the file is first renamed within incoming/ to a
hidden name that holds the name it gets: a file that cannot be removed is not copied again and
again, and what a crash interrupts is finished at the next start, once.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.service.logs import LOG
from qc_edge.settings import INCOMING, StationPaths
from qc_edge.store.copying import copy_file
from qc_edge.store.durable import Disk
from qc_edge.store.spooled_file import COMPANIONS, SIDECAR, WHOLE_NAME, SpooledFile

_TAKING = ".taking-"


class Claims:
    """Used by the arrivals worker; keeps no state."""

    def __init__(self, paths: StationPaths, disk: Disk) -> None:
        self._paths = paths
        self._disk = disk

    def claim(
        self, dropped: str, sidecar: str | None, claimed: SpooledFile, beat: Callable[[], object]
    ) -> bool:
        """Take `dropped`, with its sidecar, as `claimed`; False if it has gone.

        Both are paths relative to incoming/: a name, or NODE/NAME.

        The other node may use the name again at once. The directory is not synced here:
        `Spool.sync` does it for a batch. `beat` is called while a large file is copied. Raises
        OSError, DiskFullError or StoreError where it can be neither moved nor copied; then all is
        as it was.
        """
        if not claimed.may_be_cut:
            return self._take(dropped, sidecar, claimed, beat)
        # Before the frame: its part's id may stand in what is cut off.
        whole = self._paths.frames / (claimed.name + WHOLE_NAME)
        name = os.fsencode(Path(dropped).name)
        self._disk.write(whole, [name], self._paths.claims_tmp / whole.name)
        is_claimed = False
        try:
            is_claimed = self._take(dropped, sidecar, claimed, beat)
        finally:
            if not is_claimed:
                self._disk.unlink(whole)
        return is_claimed

    def _take(
        self, dropped: str, sidecar: str | None, claimed: SpooledFile, beat: Callable[[], object]
    ) -> bool:
        incoming, path = self._paths.incoming, self._paths.frames / claimed.name
        claimed_sidecar = path.with_name(path.name + SIDECAR)
        has_sidecar = False
        try:
            if sidecar:
                # First, so that whoever sees the frame sees its sidecar too. If it has gone
                # meanwhile, the frame has none, and the settings say what that means.
                with contextlib.suppress(FileNotFoundError):
                    os.rename(incoming / sidecar, claimed_sidecar)  # noqa: PTH104
                    has_sidecar = True
            os.rename(incoming / dropped, path)  # noqa: PTH104
        except OSError as fault:
            if has_sidecar and sidecar:
                with contextlib.suppress(OSError):
                    os.rename(claimed_sidecar, incoming / sidecar)  # noqa: PTH104
            if isinstance(fault, FileNotFoundError):
                return False
            if fault.errno != errno.EXDEV:
                raise
            return self._copy(dropped, sidecar, claimed, beat)
        return True

    def finish_interrupted(self) -> None:
        """At start: finish the copies that a crash interrupted, and put lone sidecars back.

        What cannot be done is said, and left for the next start.
        """
        # A folder of its own: `tmp` is capture's, which may be another process on another machine.
        for torn in self._paths.claims_tmp.iterdir():
            self._disk.unlink(torn)
        try:
            hidden = [name for name in os.listdir(self._paths.incoming) if name.startswith(_TAKING)]  # noqa: PTH208
        except OSError:
            hidden = []  # the listing that follows says so
        for name in hidden:
            claimed = name.removeprefix(_TAKING)
            try:
                self._finish_copy(self._paths.incoming / name, claimed)
            except (OSError, StoreError) as fault:
                LOG.error("%s was not finished: %s", self._paths.incoming / name, fault)
        for name in os.listdir(self._paths.frames):  # noqa: PTH208
            if name.endswith(COMPANIONS):
                self._restore_companion(name)

    def _copy(
        self, dropped: str, sidecar: str | None, claimed: SpooledFile, beat: Callable[[], object]
    ) -> bool:
        incoming, path = self._paths.incoming, self._paths.frames / claimed.name
        claimed_sidecar = path.with_name(path.name + SIDECAR)
        hidden = incoming / f"{_TAKING}{claimed.name}"
        try:
            os.rename(incoming / dropped, hidden)  # noqa: PTH104
        except FileNotFoundError:
            return False
        try:
            if sidecar:
                with contextlib.suppress(FileNotFoundError):
                    self._copy_file(incoming / sidecar, claimed_sidecar, beat)
            self._copy_file(hidden, path, beat)
        except BaseException:
            claimed_sidecar.unlink(missing_ok=True)
            if not os.path.lexists(incoming / dropped):
                os.rename(hidden, incoming / dropped)  # noqa: PTH104
            raise
        # It is in the spool: what is left behind now costs room, and the next start removes it.
        with contextlib.suppress(OSError):
            if sidecar:
                (incoming / sidecar).unlink(missing_ok=True)
            hidden.unlink(missing_ok=True)
        return True

    def _copy_file(self, source: Path, path: Path, beat: Callable[[], object]) -> None:
        copy_file(self._disk, source, path, self._paths.claims_tmp / path.name, beat)

    def _finish_copy(self, hidden: Path, claimed: str) -> None:
        path = self._paths.frames / claimed
        if not os.path.lexists(path):
            # A frame that has its row already leaves the spool again for that (see `Retirement`).
            self._copy_file(hidden, path, lambda: None)
        hidden.unlink()

    def _restore_companion(self, name: str) -> None:
        """Put the sidecar of a frame back that a crash left in incoming/ without it."""
        path = self._paths.frames / name
        if os.path.lexists(path.with_suffix("")):
            return
        if name.endswith(WHOLE_NAME):
            self._disk.unlink(path)
            return
        frame = name.removesuffix(SIDECAR)
        dropped = SpooledFile(frame, FrameId(""), 0, recovered=True).original_name
        node = name.partition("~")[0].partition("Z-")[2]
        folder = self._paths.incoming / ("" if node == INCOMING else node)
        home = folder / f"{dropped}.json"
        # Not over another sidecar that came under the same name meanwhile.
        if not dropped or os.path.lexists(home):
            return
        try:
            os.rename(path, home)  # noqa: PTH104
        except OSError as fault:
            # From another file system it was copied: the original is still at home, or was taken.
            LOG.error("%s has no frame: %s", path, fault)
