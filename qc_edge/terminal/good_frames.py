"""Which camera a person means to calibrate, and the image files that they name as good."""

from __future__ import annotations

from pathlib import Path

from qc_edge.errors import UsageError
from qc_edge.recipe.calibrating.good_frames import GoodFrameFiles, nodes_with_frames
from qc_edge.settings import INCOMING, Settings, StationPaths
from qc_edge.terminal.images import images_in, require_camera


def from_directory(directory: Path) -> GoodFrameFiles:
    """The image files in `directory`. Raises UsageError if there is none."""
    files = tuple(images_in(directory))
    return GoodFrameFiles(files, f"{len(files)} image files in {directory.absolute()}")


def choose_camera(paths: StationPaths, settings: Settings, camera: str | None) -> str:
    """`camera`, or the only one of the station, or `incoming` where there is none.

    Raises UsageError for one that the station has not, and if there are several to choose from.
    """
    if camera is not None:
        is_own = camera in {INCOMING, *(configured.name for configured in settings.camera)}
        return camera if is_own else require_camera(settings, camera, nodes_with_frames(paths))
    names = [camera.name for camera in settings.camera]
    if len(names) > 1:
        raise UsageError(
            f"station {settings.station.name!r} has several cameras: {', '.join(names)}",
            hint=f"say which: --camera {names[0]}",
        )
    return names[0] if names else INCOMING
