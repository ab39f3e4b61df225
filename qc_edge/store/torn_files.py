"""What was being written into the spool when the last process ended.

A frame of it is lost, and its gap is durable before the torn file goes. A row of it is whole where
only its name was missing.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime

from qc_edge.domain.inspection import Gap
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.row_file import ROW_MAX, decode_row, encode_row, salvage_gap
from qc_edge.store.safe_read import read_regular_file
from qc_edge.store.spooled_file import ROW, SpooledFile, parse_name
from qc_edge.vision import UnreadableFrameError


class TornFiles:
    """The files in `spool/tmp` at the start, before anything is captured.

    Raises DiskFullError and StoreError; what is not finished then is there at the next start.
    """

    def __init__(self, paths: StationPaths, disk: Disk) -> None:
        self._paths = paths
        self._disk = disk

    def take(self) -> list[SpooledFile]:
        """The torn frames and rows. Whole rows are spooled here, and what is neither is removed."""
        torn: dict[str, SpooledFile] = {}
        for path in self._paths.spool_tmp.iterdir():
            file = parse_name(path.name, 0, recovered=True)
            if file is None:
                self._disk.unlink(path)
            else:
                torn[path.name] = file
        for row in [file for file in torn.values() if file.is_row and self._is_whole(file)]:
            # Before the row goes: a frame of the same id is one that `replace` had not removed yet.
            for name in [name for name, file in torn.items() if file.frame_id == row.frame_id]:
                del torn[name]
                if name != row.name:
                    self._disk.unlink(self._paths.spool_tmp / name)
            self._spool(row.name)
        return list(torn.values())

    def replace(self, torn: SpooledFile, row: Gap | None) -> None:
        """Spool `row` in place of a torn file; a crash in between neither loses nor repeats it."""
        path = self._paths.spool_tmp / torn.name
        if row is None:
            self._disk.unlink(path)
            return
        written = self._paths.spool_tmp / (row.gap_id + ROW)
        if path != written:
            # A frame's contents are of no use, and on a full disk they are the room that the row
            # needs. A torn row keeps its own until the new one is there: they are the count.
            with contextlib.suppress(OSError):
                os.truncate(path, 0)
        # A kill may leave it: by the dot `take` knows that it is no frame, and no second loss.
        self._disk.write(written, [encode_row(row)], written.with_name("." + written.name))
        self._disk.sync_directory(self._paths.spool_tmp)
        if path != written:
            self._disk.unlink(path)
        self._spool(written.name)

    def salvage(self, torn_row: SpooledFile, now: datetime) -> Gap | None:
        """A gap in place of the one whose row was being written; None if it was no gap's."""
        try:
            data = self._read(torn_row)
        except (UnreadableFrameError, FileNotFoundError):
            return None
        return salvage_gap(torn_row.frame_id, data, self._paths.name, now)

    def _spool(self, name: str) -> None:
        self._disk.move_into_place(self._paths.spool_tmp / name, self._paths.frames / name)

    def _is_whole(self, torn_row: SpooledFile) -> bool:
        try:
            decode_row(torn_row.frame_id, self._read(torn_row), utc_now())
        except (UnreadableFrameError, FileNotFoundError):
            return False
        return True

    def _read(self, torn: SpooledFile) -> bytes:
        return read_regular_file(self._paths.spool_tmp / torn.name, ROW_MAX, "for a row")
