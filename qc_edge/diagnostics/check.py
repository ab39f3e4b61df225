"""What `qc-edge check` looks at: all that a station needs in order to start, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from qc_edge.diagnostics.calibration import check_calibration
from qc_edge.diagnostics.camera import check_camera, check_frame_source
from qc_edge.diagnostics.directories import check_directories
from qc_edge.diagnostics.finding import Finding, ok
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.incoming import check_incoming
from qc_edge.diagnostics.line.address import check_output
from qc_edge.diagnostics.model import check_model, check_recipes, check_records
from qc_edge.diagnostics.mount import check_mount
from qc_edge.diagnostics.rights import may_look, partial_view, without_denied_looks
from qc_edge.diagnostics.runner import Check, run_checks
from qc_edge.errors import QcEdgeError, StationAbsentError
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import INCOMING, Role, Settings, StationPaths, load_settings


def station_names(root: Path) -> list[str]:
    """The names of the stations under `root`, in order."""
    return sorted(path.stem for path in StationPaths(root, "any").settings.parent.glob("*.toml"))


def chosen_stations(root: Path, name: str | None) -> list[str]:
    """`name` alone, or without one all stations. Raises StationAbsentError if there is none."""
    names = station_names(root)
    if name is None and not names:
        raise StationAbsentError(
            f"there is no station under {root}", hint="make one: qc-edge init line1"
        )
    return names if name is None else [name]


def require_station(paths: StationPaths) -> None:
    """Raises StationAbsentError if there is no such station.

    One whose state is there is a station also without its settings: they were lost.
    """
    if not paths.settings.exists() and not paths.state.exists():
        load_settings(paths.settings)  # its error says which there are


def check_station(root: Path, name: str) -> list[Finding]:
    """Every finding on station `name` under the absolute prefix `root`, worst causes first.

    Never raises for a fault of the station. The order is the one in which faults should be mended:
    settings that do not load end the check, because everything else is found through them.
    """
    paths = StationPaths(root, name)
    # What root may read and write says nothing about the station, which is not root.
    with acting_as_owner(paths.state):
        findings = _findings(paths)
    if may_look(paths.state):
        return findings
    return [*partial_view(name, paths.state), *without_denied_looks(findings)]


def _findings(paths: StationPaths) -> list[Finding]:
    try:
        settings = load_settings(paths.settings)
    except QcEdgeError as error:
        return [Finding.of_error(error).located(paths.name, "settings")]
    loaded = ok(str(paths.settings)).located(paths.name, "settings")
    return [loaded, *run_checks(paths.name, _checks(paths, settings))]


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
        yield Check("records", partial(check_records, paths, settings))
        yield Check("model", partial(check_model, paths, settings))
        if any(paths.approvals.glob("*.toml")):
            yield Check("recipe", partial(check_recipes, paths, settings))
    if Role.CAPTURE in settings.station.roles:
        for camera in settings.camera:
            yield Check(f"camera {camera.name}", partial(check_camera, paths, camera))
    if not settings.camera and not settings.incoming.enabled:
        yield Check("camera", check_frame_source)
    yield Check("disk", partial(check_directories, paths, settings.storage))
    yield Check("mount", partial(check_mount, Host(), paths.state), about_host=True)
    if Role.INSPECT in settings.station.roles:
        for output in settings.output:
            yield Check(f"output {output.name}", partial(check_output, paths, settings, output))
    yield Check("incoming", partial(check_incoming, paths, settings.incoming))
