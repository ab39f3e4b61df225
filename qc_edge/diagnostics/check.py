"""What `qc-edge check` looks at: all that a station needs in order to start, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from qc_edge.diagnostics.calibration import check_calibration
from qc_edge.diagnostics.camera import check_camera, check_frame_source
from qc_edge.diagnostics.directories import check_directories
from qc_edge.diagnostics.finding import Finding, ok
from qc_edge.diagnostics.incoming import check_incoming
from qc_edge.diagnostics.model import check_model
from qc_edge.diagnostics.runner import Check, run_checks
from qc_edge.errors import QcEdgeError
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import INCOMING, Role, Settings, StationPaths, load_settings


def station_names(root: Path) -> list[str]:
    """The names of the stations under `root`, in order."""
    return sorted(path.stem for path in StationPaths(root, "any").settings.parent.glob("*.toml"))


def check_station(root: Path, name: str) -> list[Finding]:
    """Every finding on station `name` under the absolute prefix `root`, worst causes first.

    Never raises for a fault of the station. The order is the one in which faults should be mended:
    settings that do not load end the check, because everything else is found through them.
    """
    paths = StationPaths(root, name)
    try:
        settings = load_settings(paths.settings)
    except QcEdgeError as error:
        return [Finding.of_error(error).located(name, "settings")]
    loaded = ok(str(paths.settings)).located(name, "settings")
    # What root may read and write says nothing about the station, which is not root.
    with acting_as_owner(paths.state):
        return [loaded, *run_checks(name, _checks(paths, settings))]


def _checks(paths: StationPaths, settings: Settings) -> Iterator[Check]:
    # A station may have only one of the roles: capture and inspection can run on two machines, and
    # each then lacks what only the other one needs.
    if Role.INSPECT in settings.station.roles:
        for camera in settings.camera:
            yield Check(
                f"calibration {camera.name}", partial(check_calibration, paths, camera.name, True)
            )
        if settings.incoming.enabled:
            expects_frames = not settings.camera
            yield Check(
                f"calibration {INCOMING}",
                partial(check_calibration, paths, INCOMING, expects_frames),
            )
        yield Check("model", partial(check_model, paths, settings))
    if Role.CAPTURE in settings.station.roles:
        for camera in settings.camera:
            yield Check(f"camera {camera.name}", partial(check_camera, paths, camera))
    if not settings.camera and not settings.incoming.enabled:
        yield Check("camera", check_frame_source)
    yield Check("disk", partial(check_directories, paths, settings.storage))
    yield Check("incoming", partial(check_incoming, paths, settings.incoming))
