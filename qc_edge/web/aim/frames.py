"""The newest frame of a camera as the station has judged and kept it.

Nothing is asked of the station and nothing of it waits: its journal names the frame as soon as the
frame is judged, and the evidence is only read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from qc_edge.domain.calibration import Calibration, starting_calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.errors import CalibrationError
from qc_edge.query import evidence
from qc_edge.query.journal_reader import newest_inspections
from qc_edge.records import calibrations
from qc_edge.records.view_regions import as_it_judged
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, Settings, StationPaths
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import Gray

_ROWS = 300
"""Rows in which the newest of a camera is looked for: with four cameras it is among the first."""

_KEPT = 2
"""Pictures in memory: one for its figures and once more for what is shown of it."""


class AimFrames:
    """Frames of one station's cameras; from any thread."""

    def __init__(self, paths: StationPaths) -> None:
        self._paths = paths
        self._lock = threading.Lock()
        self._grays: OrderedDict[str, Gray] = OrderedDict()
        self._records: OrderedDict[tuple[str, str], Calibration] = OrderedDict()

    def cameras(self, settings: Settings) -> list[str]:
        """The station's cameras, and the other nodes that have delivered lately or have a record
        of their own.
        """
        own = [camera.name for camera in settings.camera]
        lately = [row.camera for row in self._rows()]
        nodes = calibrations.cameras(self._paths.calibration)
        # Without cameras of its own a station takes what is dropped: it has that record always.
        others = [name for name in nodes if name != INCOMING or name in lately or not own]
        return list(dict.fromkeys((*own, *others, *lately)))

    def newest(self, camera: str) -> Inspection | None:
        """The row of the newest frame of `camera`; None if none is among the newest rows."""
        return next((row for row in self._rows() if row.camera == camera), None)

    def gray(self, row: Inspection) -> Gray | None:
        """The gray that was inspected (H x W uint8); None if the evidence is gone or does not
        read.
        """
        with self._lock:
            if (known := self._grays.get(row.frame_id)) is not None:
                return known
            # Under the lock: two who watch one camera decode its frames once.
            gray = self._read(row)
            if gray is not None:
                self._grays[row.frame_id] = gray
                while len(self._grays) > _KEPT:
                    self._grays.popitem(last=False)
            return gray

    def calibration(self, row: Inspection) -> Calibration:
        """The record that the frame was judged on, with the region of that time; the starting
        bounds if it does not read.
        """
        key = (row.calibration_id, row.preprocess_id)
        with self._lock:
            if (known := self._records.get(key)) is not None:
                return known
            record = self._record(row)
            self._records[key] = record
            while len(self._records) > _KEPT * 4:
                self._records.popitem(last=False)
            return record

    def _rows(self) -> Iterator[Inspection]:
        """The newest first, read as far as they are asked for."""
        with suppress(OSError):
            yield from islice(newest_inspections(self._paths.journal), _ROWS)

    def _read(self, row: Inspection) -> Gray | None:
        if row.raw_path is None or (path := evidence.find(self._paths.state, row.raw_path)) is None:
            return None
        try:
            image = evidence.read(path)
        except (OSError, UnreadableFrameError):
            return None
        own = row.original_name is None
        return evidence.inspected_gray(image, row.pixel_format, row.bit_depth, own=own)

    def _record(self, row: Inspection) -> Calibration:
        camera = row.calibration_id.partition("Z-")[2]
        try:
            record = calibrations.load(
                self._paths.calibration / camera / f"{row.calibration_id}.toml"
            )
        except CalibrationError:
            return starting_calibration(self._paths.name, camera or row.camera, utc_now())
        return as_it_judged(record, row.preprocess_id, self._paths.settings_history)
