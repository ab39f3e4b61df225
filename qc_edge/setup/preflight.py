"""`python -m qc_edge.setup.preflight NAME`: would this version take what a station has on record?

Run by an upgrade or a rollback before it restarts the station, as the station's user. Reads and
changes nothing; prints why not and ends with the exit code that the station would end with.
"""

from __future__ import annotations

import sys
from pathlib import Path

from qc_edge.errors import QcEdgeError
from qc_edge.recipe.threshold_change import current_threshold
from qc_edge.records import calibrations
from qc_edge.settings import INCOMING, Role, StationPaths, load_settings


def look_ahead(paths: StationPaths) -> None:
    """Raise what a start of the station would raise about settings, model and records."""
    settings = load_settings(paths.settings)
    if Role.INSPECT not in settings.station.roles:
        return
    for view in (None, *(view.name for view in settings.view)):
        current_threshold(paths, view)
    cameras = [camera.name for camera in settings.camera]
    for camera in [*cameras, *([INCOMING] if settings.incoming.enabled else [])]:
        calibrations.load_current(paths.calibration, camera)


if __name__ == "__main__":
    try:
        look_ahead(StationPaths(Path("/"), sys.argv[1]))
    except QcEdgeError as refused:
        sys.stdout.write(" ".join(refused.message.split()) + "\n")
        raise SystemExit(refused.exit_code) from None
