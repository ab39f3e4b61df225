"""Calibration records on disk: one dated TOML file each, proven by a digest, never changed or
removed.

`DIRECTORY/CAMERA/20261122T101500Z-top.toml`; the newest is in force. A damaged or edited record
stops the station rather than letting an older one take over unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from qc_edge.domain.calibration import Calibration
from qc_edge.errors import CalibrationError
from qc_edge.records.calibration_file import RESTORE_HINT, dump, parse
from qc_edge.settings.section import NAME_PATTERN
from qc_edge.store.durable import write_file


def write(directory: Path, calibration: Calibration) -> Path:
    """Keep a new record durably and return its path; from then on it is in force.

    Raises CalibrationError if the camera has a record as new or newer, StoreError if the disk
    refuses.
    """
    path = directory / calibration.camera / f"{calibration.calibration_id}.toml"
    if (last := newest(directory, calibration.camera)) >= path.stem:
        raise CalibrationError(
            f"{path.parent} already has the record {last}: a new one must be dated later than "
            "that, "
            f"this one is {path.stem}",
            hint="wait a second and try again; if the clock was set back, set it right first",
        )
    write_file(path, dump(calibration).encode())
    return path


def cameras(directory: Path) -> list[str]:
    """The cameras that have a record, those of other nodes included, in order."""
    if not directory.is_dir():
        return []
    return sorted(
        folder.name
        for folder in directory.iterdir()
        if re.match(NAME_PATTERN, folder.name) and any(_files(folder))
    )


def newest(directory: Path, camera: str) -> str:
    """The id of the newest record of `camera`, "" if there is none; does not look into it."""
    return max((path.stem for path in _files(directory / camera)), default="")


def load_current(directory: Path, camera: str) -> Calibration:
    """The record in force for `camera`. Raises CalibrationError if there is none or it is
    damaged.
    """
    newest = max(_files(directory / camera), key=lambda path: path.stem, default=None)
    if newest is None:
        raise CalibrationError(
            f"camera {camera!r} has no calibration: no record in {directory / camera}",
            hint=f"a camera that was added later begins by learning: qc-edge calibrate "
            f"{directory.parent.name} --camera {camera} --learn 50 --by YOU --yes; or from image "
            "files of good parts: --from DIR",
        )
    return load(newest)


def load(path: Path) -> Calibration:
    """The record in the file `path`. Raises CalibrationError that says what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CalibrationError(
            f"cannot read the calibration {path}: {fault}", hint=RESTORE_HINT
        ) from None
    calibration = parse(text, str(path))
    if f"{path.parent.name}/{path.stem}" != f"{calibration.camera}/{calibration.calibration_id}":
        raise CalibrationError(
            f"the calibration {path} is record {calibration.calibration_id} of camera "
            f"{calibration.camera!r}",
            hint="it has been renamed or copied from another camera: put it back",
        )
    return calibration


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.glob("*.toml") if not path.name.startswith("."))
