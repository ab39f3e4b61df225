"""The check-up of a whole station, area by area, in the order in which faults should be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from qc_edge.diagnostics.calibration import check_calibration
from qc_edge.diagnostics.camera import check_camera, no_frames
from qc_edge.diagnostics.directories import check_disk, check_incoming
from qc_edge.diagnostics.finding import Finding, Level, Seen
from qc_edge.diagnostics.model import check_model
from qc_edge.errors import QcEdgeError
from qc_edge.settings import INCOMING, Role, Settings, StationPaths, load_settings
from qc_edge.store.durable import store_error

Look = Callable[[], Iterator[Seen]]


def stations(root: Path) -> list[str]:
    """The names of the stations under `root`, in order."""
    return sorted(path.stem for path in StationPaths(root, "any").settings.parent.glob("*.toml"))


def check_station(root: Path, name: str) -> list[Finding]:
    """Every finding on station `name` under the absolute prefix `root`; never raises for a
    fault.
    """
    paths = StationPaths(root, name)
    try:
        settings = load_settings(paths.settings)
    except QcEdgeError as fault:
        return [Finding(name, "settings", Level.FAULT, fault.message, fault.hint, fault.exit_code)]
    findings = [Finding(name, "settings", Level.OK, str(paths.settings))]
    for area, look in _areas(paths, settings):
        findings += _looked_at(name, area, look)
    return findings


def _areas(paths: StationPaths, settings: Settings) -> Iterator[tuple[str, Look]]:
    if Role.INSPECT in settings.station.roles:
        for camera in settings.camera:
            yield f"calibration {camera.name}", partial(check_calibration, paths, camera.name, True)
        if settings.incoming.enabled:
            yield (
                f"calibration {INCOMING}",
                partial(check_calibration, paths, INCOMING, not settings.camera),
            )
        yield "model", partial(check_model, paths, settings)
    if Role.CAPTURE in settings.station.roles:
        for camera in settings.camera:
            yield f"camera {camera.name}", partial(check_camera, paths, camera)
    if not settings.camera and not settings.incoming.enabled:
        yield "camera", no_frames
    yield "disk", partial(check_disk, paths, settings.storage)
    yield "incoming", partial(check_incoming, paths.incoming, settings.incoming)


def _looked_at(station: str, area: str, look: Look) -> Iterator[Finding]:
    try:
        for level, said, hint in look():
            yield Finding(station, area, level, said, hint)
    except QcEdgeError as fault:
        yield Finding(station, area, Level.FAULT, fault.message, fault.hint, fault.exit_code)
    except OSError as fault:
        error = store_error(fault, str(fault.filename or area))
        yield Finding(station, area, Level.FAULT, error.message, error.hint, error.exit_code)
