"""The hand-over between capture and inspection: a directory of self-contained files, nothing else.

Capture writes into `frames/`, inspection takes from there, and no other call goes between them: a
slow model never stalls a camera, a restart loses no frame (decision 0001). `spooled_file` says how
files are named.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qc_edge.domain.events import Event
from qc_edge.domain.frame import Frame
from qc_edge.domain.inspection import Gap
from qc_edge.domain.verdict import Reason
from qc_edge.errors import FileServerError, StoreError
from qc_edge.service.logs import LOG
from qc_edge.service.remote.file_server import FileServer
from qc_edge.settings import StationPaths
from qc_edge.store.claims import Claims
from qc_edge.store.durable import Disk
from qc_edge.store.row_file import ROW_MAX, decode_row, encode_row, salvage_gap
from qc_edge.store.safe_read import read_regular_file
from qc_edge.store.set_aside import SetAside
from qc_edge.store.spooled_file import ROW, SIDECAR, WHOLE_NAME, SpooledFile, is_foreign
from qc_edge.vision import UnreadableFrameError, pnm
from qc_edge.vision.image import Pixels

_SIDECAR_MAX = 1 << 20
"""Bytes: a sidecar is a few lines of JSON."""

_COPIED_MAX = 16 << 20
"""Bytes of a file beyond the limits that are copied into quarantine where it cannot be linked."""


class Spool:
    """The spool of one station; any thread and any process may use it.

    Raises DiskFullError, StoreError, and FileServerError where another machine serves it.
    """

    def __init__(self, paths: StationPaths, disk: Disk, server: FileServer | None = None) -> None:
        self._paths = paths
        self._disk = disk
        self.server = server or FileServer(paths.spool)
        self._unfinished: list[Path] = []  # left behind by writes that the server did not take
        self.claims = Claims(paths, disk)
        self.set_aside = SetAside(paths, disk)

    def put_frame(self, frame: Frame, pixels: Pixels, bit_depth: int) -> None:
        """Spool one frame: whole and durable when this returns.

        It is there for inspection before it is durable, and is judged while the disk syncs it; its
        row waits for that (`Evidence.keep_own`). Not where a file server has the spool: a machine
        that reads from there sees all of a file only when its writer has synced it.
        """
        suffix = "ppm" if pixels.ndim == 3 else "pgm"
        name = f"{frame.frame_id}.{suffix}"
        chunks = pnm.encode(frame.to_json(), pixels, bit_depth)
        if self.server.is_remote:
            self._put(name, *chunks)
            return
        path = self._paths.frames / name
        fd = self._disk.write_visible(path, chunks, self._paths.spool_tmp / name)
        try:
            self._disk.sync_written(fd, path, chunks)
            self.sync()
        except StoreError as fault:
            _say_not_durable(name, fault)

    def put_row(self, row: Gap | Event) -> None:
        """Hand a gap or an event to inspection, which alone writes the log."""
        row_id = row.gap_id if isinstance(row, Gap) else row.event_id
        self._put(row_id + ROW, encode_row(row))

    def read_row(self, spooled: SpooledFile, now: datetime) -> Gap | Event:
        """The gap or event in that file, recorded `now`.

        Raises UnreadableFrameError if it is none, FileNotFoundError if it has gone.
        """
        with self.server.call():
            data = read_regular_file(self.path(spooled), ROW_MAX, "for a row")
        return decode_row(spooled.frame_id, data, now)

    def salvage_row(self, spooled: SpooledFile, now: datetime) -> Gap | None:
        """A gap in place of the one in a file that `read_row` refused; None if it was no gap's."""
        try:
            with self.server.call():
                data = read_regular_file(self.path(spooled), ROW_MAX, "for a row")
        except (UnreadableFrameError, FileNotFoundError):
            return None
        return salvage_gap(spooled.frame_id, data, self._paths.name, now)

    def path(self, spooled: SpooledFile) -> Path:
        """Where the file is."""
        return self._paths.frames / spooled.name

    def names(self) -> list[str]:
        """All names in `frames/`, oldest first."""
        with self.server.call():
            return sorted(os.listdir(self._paths.frames))  # noqa: PTH208 (no Path object for each of 20,000)

    def has(self, name: str) -> bool:
        """Whether something has that name in `frames/`."""
        with self.server.call():
            return os.path.lexists(f"{self._paths.frames}/{name}")

    def original_name(self, spooled: SpooledFile) -> str | None:
        """The whole name under which another node dropped it; None for an own frame."""
        if is_foreign(spooled.name) and spooled.may_be_cut:
            with contextlib.suppress(FileNotFoundError), self.server.call():
                return os.fsdecode(self._whole_name_path(spooled).read_bytes())
        return spooled.original_name

    def read(self, spooled: SpooledFile, max_bytes: int) -> bytes:
        """The bytes of a frame file.

        Raises UnreadableFrameError if it is no regular file or too large, FileNotFoundError if it
        has gone.
        """
        with self.server.call():
            return read_regular_file(self.path(spooled), max_bytes, "incoming.max_file_mb")

    def sidecar(self, spooled: SpooledFile) -> bytes | None:
        """The sidecar that came with a dropped file, None if none did.

        Raises UnreadableFrameError (bad_sidecar) for what is no plain file of a sidecar's size.
        """
        try:
            with self.server.call():
                return read_regular_file(self._sidecar_path(spooled), _SIDECAR_MAX, "for a sidecar")
        except FileNotFoundError:
            return None
        except UnreadableFrameError as fault:
            raise UnreadableFrameError(Reason.BAD_SIDECAR, f"sidecar: {fault.detail}") from fault

    def changed_at(self, spooled: SpooledFile) -> float:
        """When the file or its sidecar was last written (s since the epoch). Raises OSError."""
        with self.server.call():
            changed = self.path(spooled).lstat().st_mtime
            with contextlib.suppress(FileNotFoundError):
                changed = max(changed, self._sidecar_path(spooled).lstat().st_mtime)
        return changed

    def written_ns(self, spooled: SpooledFile) -> int | None:
        """When the file itself was last written (ns since the epoch); None if it has gone."""
        try:
            with self.server.call():
                return self.path(spooled).lstat().st_mtime_ns
        except OSError:
            return None

    def retire(self, spooled: SpooledFile) -> None:
        """Take the frame out of the spool; its row stands and its evidence is kept.

        An unlink, not a rename: watchdog holds a move out of a watched directory back for 0.5 s,
        hoping for its other half, and everything behind it waits (measured: p50 251 ms, unlink
        0.5 ms).
        """
        with self.server.call():
            if is_foreign(spooled.name):
                # First the sidecar: alone, it would lie there for ever after a crash.
                self._disk.unlink(self._sidecar_path(spooled))
                if spooled.may_be_cut:
                    self._disk.unlink(self._whole_name_path(spooled))
            self._disk.unlink(self.path(spooled))

    def quarantine(
        self,
        spooled: SpooledFile,
        reason: Reason,
        detail: str,
        beat: Callable[[], object] = lambda: None,
    ) -> Path | None:
        """Keep a file that is no frame, with the reason in a file beside it; None if it has gone.

        The file stays in the spool under its name too, until it is retired. Of a file that is too
        large and cannot be linked (another user's) only the beginning, size and digest are kept:
        a copy of 3 GB takes the disk and the time of the line. `beat` is called meanwhile.
        """
        frame = spooled.frame_id
        day = f"{frame[:4]}-{frame[4:6]}-{frame[6:8]}"
        kept = self._paths.quarantine / day / spooled.name
        try:
            copy_max = _COPIED_MAX if reason is Reason.TOO_LARGE else None
            with self.server.call():
                head = self._disk.link(self.path(spooled), kept, copy_max=copy_max, beat=beat)
        except FileNotFoundError:
            return None
        except FileServerError:
            if reason is not Reason.UNREADABLE:
                raise
            # It was tried often, and the server gives the rest: the row points to the reason alone.
            kept = kept.with_name(f"{kept.name}.not-kept")
            self._disk.write_evidence(kept, [b"the file server does not give it\n"])
            head = None
        why = f"{reason}: {detail}\n"
        if head is not None:
            why += (
                f"kept: the first {head.length} of {head.size} bytes; "
                f"sha256 of all of them: {head.sha256}\n"
            )
        self._disk.write_evidence(kept.with_name(kept.name + ".reason.txt"), [why.encode()])
        return kept

    def sync(self) -> None:
        """Make the names in `frames/` durable: what was claimed stays claimed."""
        with self.server.call():
            self._disk.sync_directory(self._paths.frames)

    def _put(self, name: str, *chunks: bytes | memoryview) -> None:
        temporary = self._paths.spool_tmp / name
        try:
            with self.server.call():
                self._remove_unfinished()
                self._disk.write(self._paths.frames / name, chunks, temporary)
        except FileServerError:
            # Its writer counts it as lost: what is left of it must not count as torn as well.
            self._unfinished.append(temporary)
            raise
        try:
            self.sync()
        except StoreError as fault:
            _say_not_durable(name, fault)

    def _remove_unfinished(self) -> None:
        for path in self._unfinished.copy():
            self._disk.unlink(path)
            with contextlib.suppress(ValueError):  # another thread did it
                self._unfinished.remove(path)

    def _whole_name_path(self, spooled: SpooledFile) -> Path:
        return self._paths.frames / (spooled.name + WHOLE_NAME)

    def _sidecar_path(self, spooled: SpooledFile) -> Path:
        return self._paths.frames / (spooled.name + SIDECAR)


def _say_not_durable(name: str, fault: StoreError) -> None:
    # It is in the spool and will be inspected: it must not count as lost as well.
    LOG.error("%s is spooled, but may not outlive a power cut: %s", name, fault)
