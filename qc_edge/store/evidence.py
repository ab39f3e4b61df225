"""Evidence, what stands behind every row: the raw frame, the prepared input, the defect map.

Files are named by date, part and frame:
`evidence/2026-11-22/14/48213_20261122T141507123456Z-top.raw.pgm`. Rows have paths relative to the
station's state, so that it can be moved; a raw frame that was compressed since is found under the
same name with another suffix.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.frame import FrameId
from qc_edge.store.durable import Disk
from qc_edge.vision import pnm
from qc_edge.vision.image import pixels_sha256

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""A part id comes from outside: a slash in it must not lead out of the directory."""

_PART_MAX = 80
"""Characters of the part id in a name, which may have 255 bytes in all; the row has all of it."""


class Evidence:
    """Writes evidence, never removes any. Safe from any thread, but for `sync`."""

    def __init__(self, state: Path, directory: Path, disk: Disk) -> None:
        self._state = state
        self._directory = directory
        self._disk = disk
        self._synced: set[Path] = set()

    def stem(self, frame: FrameId, part_id: str) -> Path:
        """The path of a frame's evidence, without the suffix that says which."""
        day, hour = f"{frame[:4]}-{frame[4:6]}-{frame[6:8]}", frame[9:11]
        return self._directory / day / hour / f"{_UNSAFE.sub('_', part_id)[:_PART_MAX]}_{frame}"

    def keep_own(self, stem: Path, spooled: Path) -> Path:
        """Keep a frame of this station's capture: the spooled file under a second name (hard link).

        Its bytes are written once. Nobody writes to a spooled file after it was renamed there, but
        capture may not have synced it yet: a row points at it, so it is synced here, beside the
        model. Where capture is at it, that is one wait for the same flush.
        """
        kept = Path(f"{stem}.raw{spooled.suffix}")
        self._disk.link(spooled, kept)
        self._disk.sync_file(kept)
        return kept

    def keep_foreign(self, stem: Path, data: bytes, suffix: str) -> Path:
        """Keep another node's file as a copy: that node may hold it open and write to it later."""
        kept = Path(f"{stem}.raw.{suffix}")
        self._disk.write_evidence(kept, [data])
        return kept

    def keep_prepared(self, stem: Path, prepared: npt.NDArray[np.uint8]) -> Path:
        """Keep the model's input (uint8) as a plain PGM, or PPM if it is H x W x 3 (RGB)."""
        kept = Path(f"{stem}.prepared.{'ppm' if prepared.ndim == 3 else 'pgm'}")
        self._disk.write_evidence(kept, pnm.encode(None, prepared, 8))
        return kept

    def keep_map(self, stem: Path, defect_map: npt.NDArray[np.float32]) -> tuple[Path, str]:
        """Keep the defect map (0..1) as an 8-bit PNG, 255 = surely defective; also its pixels'
        sha256.
        """
        kept = Path(f"{stem}.map.png")
        levels = np.rint(np.clip(defect_map, 0.0, 1.0) * 255).astype(np.uint8)
        self._disk.write_evidence(kept, [cv2.imencode(".png", levels)[1].tobytes()])
        return kept, pixels_sha256(levels)

    def relative(self, path: Path) -> str:
        """`path` as rows have it: relative to the station's state, with slashes."""
        return path.relative_to(self._state).as_posix()

    def sync(self, directories: set[Path]) -> None:
        """Make the names in these directories durable, before rows point there.

        One thread at a time.
        """
        for directory in directories:
            if directory not in self._synced:
                # The directory itself is a name in its parent: new ones, of an hour and of a day,
                # are synced once.
                self._synced.add(directory)
                for parent in (directory.parent, directory.parent.parent):
                    self._disk.sync_directory(parent)
            self._disk.sync_directory(directory)
