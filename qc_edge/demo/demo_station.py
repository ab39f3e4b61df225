"""The demo's station: made anew in a directory of its own. Removes only what a demo has made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qc_edge.demo.changeover.station import STATION as CHANGEOVER_STATION
from qc_edge.domain.calibration import starting_calibration
from qc_edge.errors import BusyError, DiskFullError, StoreError, UsageError
from qc_edge.records import calibrations
from qc_edge.rendered import Truth
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import INCOMING, Role, StationPaths, Trigger
from qc_edge.settings.render import render_settings
from qc_edge.settings.schema import SCHEMA_FILE
from qc_edge.setup.new_station import CAMERA_NAME, fit_calibration
from qc_edge.store.durable import Disk, write_file

STATION = "demo"
CALIBRATED_ON = 24
"""The good ones among so many first parts give the gate bounds."""

_MARKER = ".qc-edge-demo"
"""A file that says that a demo made the directory: without it nothing there is removed."""

_STOP_FREE_MB = 300
"""Less than a station asks for: the demo is short, and laptops are full."""

_FRAME_MB = 1.7
"""Evidence of one part: 1280 x 1024 bytes of frame, 512 x 512 of the model's input, its map."""


def log_file(root: Path) -> Path:
    """The file for the station's log, while the screen belongs to the display."""
    return root / "station.log"


def clear_directory(root: Path, frames: int) -> StationPaths:
    """Make the absolute `root` an empty directory for the stations, with room for `frames` frames.

    What an earlier demo left there is removed, and nothing else. Raises UsageError if `root` has
    content and no demo made it, BusyError if that demo still runs, DiskFullError if there is too
    little room.
    """
    paths = StationPaths(root, STATION)
    stations = [paths, StationPaths(root, CHANGEOVER_STATION)]
    marker = root / _MARKER
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not marker.is_file():
            if any(root.iterdir()):
                raise UsageError(
                    f"{root} has content and is no directory of an earlier demo",
                    hint="give a new or empty directory: qc-edge demo --root DIR",
                )
            about = json.dumps({"station": STATION, "made_by": "qc-edge demo"})
            write_file(marker, f"{about}\n".encode())
        for station in stations:
            _remove_station(station)
    except OSError as error:
        raise StoreError(
            f"cannot make a place for the demo in {root}: {error.strerror}",
            hint="give a directory that you may write: qc-edge demo --root DIR",
        ) from error
    needed, free = _STOP_FREE_MB + frames * _FRAME_MB, Disk().free_bytes(root) / 1e6
    if free < needed:
        raise DiskFullError(
            f"the demo needs {needed:,.0f} MB in {root}, {free:,.0f} MB are free",
            hint="a shorter one needs less (--seconds), or give another directory (--root)",
        )
    return paths


def make_station(
    paths: StationPaths,
    parts: Sequence[Truth],
    rate_hz: float,
    output: Mapping[str, object] | None = None,
) -> None:
    """Write the files of a station whose emulated camera plays `parts` at `rate_hz`; with an
    `output`, whenever its line fires it.

    The emulator plays the images of a directory by name, again from the first after the last; it is
    triggered by software, so that each frame that it delivers was asked for and can be counted.

    Raises CalibrationError if the good ones among the first parts give no calibration.
    """
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    now = utc_now()
    for camera in (CAMERA_NAME, INCOMING):
        start = replace(starting_calibration(STATION, camera, now), made_by="qc-edge demo")
        record = fit_calibration(start, paths.emulated_parts, parts[:CALIBRATED_ON])
        calibrations.write(paths.calibration, record)
    camera_values: dict[str, object] = {
        "name": CAMERA_NAME,
        "backend": "emulated",
        "images": paths.emulated_parts,
    }
    if output is None:
        camera_values |= {"trigger": Trigger.SOFTWARE, "rate_hz": rate_hz}
    else:
        camera_values |= {"trigger": Trigger.HARDWARE, "grab_timeout_s": 0.2}
    values: dict[str, dict[str, object]] = {
        "station": {"name": STATION},
        "storage": {"warn_free_mb": 2.0 * _STOP_FREE_MB, "stop_free_mb": float(_STOP_FREE_MB)},
    }
    outputs = [output] if output else []
    write_file(paths.schema, SCHEMA_FILE.read_bytes())
    write_file(paths.settings, render_settings(values, [camera_values], (), outputs).encode())


def _remove_station(paths: StationPaths) -> None:
    """Remove the earlier demo's station. Raises BusyError if it runs, UsageError for a link."""
    for role in Role:
        if holder := holder_of(paths.lock(role)):
            raise BusyError(
                f"the station of the earlier demo in {paths.root} is run by process "
                f"{holder['pid']}",
                hint="stop it first, or give another directory: --root DIR",
            )
    for tree in (paths.state, paths.run):
        # What a link leads to was not made by a demo, even if the link stands in its directory.
        if tree.is_symlink():
            raise UsageError(
                f"{tree} is a link: the demo removes only what it has made", hint="remove it"
            )
        if tree.exists():
            shutil.rmtree(tree)
    paths.settings.unlink(missing_ok=True)
    log_file(paths.root).unlink(missing_ok=True)
