"""Makes a new station: directories, first calibrations, settings. Never touches an old one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qc_edge.domain.calibration import Calibration, calibration_id, starting_calibration
from qc_edge.errors import CalibrationError, StoreError, UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import Truth, write_series
from qc_edge.service.clock import utc_now
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import INCOMING, StationPaths, parse_settings
from qc_edge.settings.render import render_settings
from qc_edge.settings.schema import SCHEMA_FILE
from qc_edge.settings.section import NAME_PATTERN
from qc_edge.store.durable import write_file
from qc_edge.vision.calibrate import propose
from qc_edge.vision.frame_set import sample
from qc_edge.vision.image import decode

CAMERA_NAME = "top"
# The parts that an emulated camera plays: some of each kind, so that every verdict comes up.
PLAYED_PARTS = 24
PLAYED_DEFECTS = 5 / PLAYED_PARTS
PLAYED_FAULTS = 4 / PLAYED_PARTS
PLAYED_SEED = 20261122
PLAYED_RATE_HZ = 2.0


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """The camera that a new station gets.

    `backend` is one of the settings' (None: no camera); `serial` chooses a Basler camera, `images`
    is the directory that a folder camera plays.
    """

    backend: str | None
    serial: str | None = None
    images: Path | None = None

    def __str__(self) -> str:
        match self.backend:
            case None:
                return "no camera; it inspects what other nodes drop into its incoming directory"
            case "emulated":
                return "an emulated camera that plays rendered parts"
            case "folder":
                return f"a folder camera that plays {self.images}"
            case _:
                return (
                    f"Basler camera {self.serial}"
                    if self.serial
                    else "the one Basler camera that is found"
                )


@dataclass(frozen=True, slots=True)
class NewStation:
    """A station that was made; `files` are pairs (what it is, where it is) to show to a person."""

    paths: StationPaths
    camera: CameraChoice
    files: tuple[tuple[str, Path], ...]


def parse_camera(text: str) -> CameraChoice:
    """`emulated`, `basler`, `basler:SERIAL`, `folder:PATH` or `none`. Raises UsageError on anything
    else.
    """
    kind, _, rest = text.partition(":")
    if kind == "none" and not rest:
        return CameraChoice(None)
    if kind == "emulated" and not rest:
        return CameraChoice("emulated")
    if kind == "basler" and (rest or text == "basler"):
        return CameraChoice("basler", serial=rest or None)
    if kind == "folder" and rest:
        return CameraChoice("folder", images=_existing_directory(Path(rest)))
    raise UsageError(
        f"camera {text!r} is not known",
        hint="expected emulated, basler, basler:SERIAL, folder:PATH or none",
    )


def provision(root: Path, name: str, camera: CameraChoice) -> NewStation:
    """Make station `name` under the absolute prefix `root`.

    The settings file is written last: a station that was not made whole can be made again. Raises
    UsageError if the name is no station's name or the station exists, StoreError if the disk
    refuses.
    """
    paths = StationPaths(root, name)
    _require_unused(paths)
    settings = _render_settings(paths, camera)
    try:
        files = _write_station(paths, camera, settings)
    except OSError as error:
        raise StoreError(
            f"cannot make {error.filename or paths.state}: {error.strerror or error}",
            hint="run it as root, or live under another prefix: --root DIR",
        ) from error
    return NewStation(paths, camera, tuple(files))


def _write_station(
    paths: StationPaths, camera: CameraChoice, settings: str
) -> list[tuple[str, Path]]:
    for directory in (paths.settings.parent, paths.run, paths.state):
        directory.mkdir(parents=True, exist_ok=True)
    # What is left of an older station belongs to the station's user: root follows no link there.
    with acting_as_owner(paths.state):
        files = _write_state(paths, camera)
    write_file(paths.schema, SCHEMA_FILE.read_bytes())
    # Last, because the settings are what makes it a station: see provision().
    write_file(paths.settings, settings.encode())
    return files


def _write_state(paths: StationPaths, camera: CameraChoice) -> list[tuple[str, Path]]:
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    files = [("settings", paths.settings), ("state", paths.state), ("incoming", paths.incoming)]
    now = utc_now()
    records = [starting_calibration(paths.name, source, now) for source in _frame_sources(camera)]
    if camera.backend == "emulated":
        parts = write_series(
            paths.emulated_parts,
            PLAYED_SEED,
            PLAYED_PARTS,
            defect_share=PLAYED_DEFECTS,
            fault_share=PLAYED_FAULTS,
        )
        files.append(("plays", paths.emulated_parts))
        fitted = fit_calibration(records[0], paths.emulated_parts, parts)
        records = [_of_source(fitted, record.camera) for record in records]
    files += [("calibration", calibrations.write(paths.calibration, record)) for record in records]
    return files


def fit_calibration(start: Calibration, directory: Path, parts: Sequence[Truth]) -> Calibration:
    """`start` with gate bounds that suit the good ones of the rendered `parts` in `directory`.

    Raises CalibrationError if they are too few or too different.
    """
    good = [part.file for part in parts if part.label == "good" and part.fault is None]
    limit = 2**28  # pixels; the parts are our own, no size needs refusing
    samples = (
        sample(name, decode((directory / name).read_bytes(), max_pixels=limit), start)
        for name in good
    )
    proposal = propose(
        samples,
        start,
        now=start.made_at,
        made_by=start.made_by,
        source=f"{len(good)} good rendered parts",
    )
    if proposal.calibration is None:
        raise CalibrationError(
            f"the rendered parts in {directory} give no calibration: {'; '.join(proposal.faults)}",
            hint="this is a fault of the software: report it",
        )
    return proposal.calibration


def _of_source(record: Calibration, camera: str) -> Calibration:
    """The same calibration for another source of the same frames."""
    return replace(record, camera=camera, calibration_id=calibration_id(record.made_at, camera))


def _frame_sources(camera: CameraChoice) -> list[str]:
    """Sources whose frames need a calibration: the camera, and other nodes that drop frames."""
    return [CAMERA_NAME, INCOMING] if camera.backend else [INCOMING]


def _require_unused(paths: StationPaths) -> None:
    if not re.fullmatch(NAME_PATTERN, paths.name):
        raise UsageError(
            f"{paths.name!r} is no name for a station",
            hint="expected a small letter, then small letters, digits and dashes, at most 31 in "
            "all: line1",
        )
    if paths.settings.exists():
        raise UsageError(
            f"station {paths.name!r} exists: {paths.settings}",
            hint=f"choose another name, or look at it: qc-edge check {paths.name}",
        )
    # Records of an older station of this name would be taken for the new one's.
    records = [
        path
        for path in (paths.database, paths.journal, paths.evidence, paths.frames)
        if _has_content(path)
    ]
    if records:
        raise UsageError(
            f"station {paths.name!r} has no settings, but its records are still here: "
            + ", ".join(map(str, records)),
            hint=f"choose another name, or move {paths.state} away",
        )


def _has_content(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _existing_directory(path: Path) -> Path:
    if not path.is_dir():
        raise UsageError(
            f"{path} is no directory", hint="folder:PATH plays the images in the directory PATH"
        )
    return path.absolute()


def _render_settings(paths: StationPaths, camera: CameraChoice) -> str:
    values: dict[str, object] = {"name": CAMERA_NAME, "backend": camera.backend}
    if camera.backend == "emulated":
        values |= {"rate_hz": PLAYED_RATE_HZ, "images": paths.emulated_parts}
    elif camera.backend == "folder":
        values |= {"rate_hz": PLAYED_RATE_HZ, "images": camera.images}
    elif camera.serial:
        values["serial"] = camera.serial
    cameras = [values] if camera.backend else []
    text = render_settings({"station": {"name": paths.name}}, cameras)
    parse_settings(text, str(paths.settings))  # raises if the station could not read its own file
    return text
