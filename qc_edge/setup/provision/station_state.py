"""What a station needs on its disk before it starts: directories and a first calibration each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qc_edge.domain.calibration import calibration_id, starting_calibration
from qc_edge.records import calibrations
from qc_edge.rendered import write_series
from qc_edge.service.clock import utc_now
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import INCOMING, Settings, StationPaths
from qc_edge.settings.schema import SCHEMA_FILE
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.new_station import (
    PLAYED_DEFECTS,
    PLAYED_FAULTS,
    PLAYED_PARTS,
    PLAYED_SEED,
    fit_calibration,
)
from qc_edge.store.durable import write_file


def with_played_parts(paths: StationPaths, values: Mapping[str, Any]) -> dict[str, Any]:
    """The `values` of a station's settings, in which pylon's emulator plays the parts that
    `complete_state` renders, unless they have others.
    """
    cameras = values.get("camera")
    if not isinstance(cameras, list):
        return dict(values)
    # From where the settings lie: true in an image that is being made, and on the box.
    images = os.path.relpath(paths.emulated_parts, paths.settings.parent)
    played = [
        {**each, "images": images}
        if each.get("backend") == "emulated" and "images" not in each
        else each
        for each in cameras
    ]
    return {**values, "camera": played}


def complete_state(installer: FileInstaller, paths: StationPaths, settings: Settings) -> None:
    """Make what is missing of a station's state; what is there stays as it is. Raises StoreError.

    A camera of pylon's emulator gets rendered parts to play.
    """
    sources = [camera.name for camera in settings.camera]
    sources += [INCOMING] if settings.incoming.enabled else []
    missing = [name for name in sources if not calibrations.newest(paths.calibration, name)]
    directories = [path for path in paths.directories() if not path.is_dir()]
    if not missing and not directories:
        installer.record("same", paths.state)
        return
    installer.record("new" if not paths.state.is_dir() else "updated", paths.state)
    if installer.dry:
        return
    for directory in (paths.settings.parent, paths.run, paths.state):
        directory.mkdir(parents=True, exist_ok=True)
    with acting_as_owner(paths.state):
        for directory in directories:
            directory.mkdir(parents=True, exist_ok=True)
        _calibrate(paths, settings, missing)
    write_file(paths.schema, SCHEMA_FILE.read_bytes())


def _calibrate(paths: StationPaths, settings: Settings, sources: list[str]) -> None:
    now = utc_now()
    records = [starting_calibration(paths.name, source, now) for source in sources]
    if records and any(camera.backend == "emulated" for camera in settings.camera):
        parts = write_series(
            paths.emulated_parts,
            PLAYED_SEED,
            PLAYED_PARTS,
            defect_share=PLAYED_DEFECTS,
            fault_share=PLAYED_FAULTS,
        )
        fitted = fit_calibration(records[0], paths.emulated_parts, parts)
        records = [
            replace(fitted, camera=source, calibration_id=calibration_id(fitted.made_at, source))
            for source in sources
        ]
    for record in records:
        calibrations.write(paths.calibration, record)
