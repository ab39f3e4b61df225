"""Two of pylon's emulated cameras on one station: each frame is that of its camera, each count
closes.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import duckdb

from qc_edge.camera import connect
from qc_edge.domain.calibration import starting_calibration
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING
from qc_edge.settings.render import render_settings
from tests.station.harness import BAD, GOOD, NAME, make_station, part, running
from tests.station.twins import Plan, dependencies

CAMERAS = {"left": GOOD, "right": BAD}


def test_each_camera_has_its_own_parts_and_its_own_count(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    cameras = []
    for name, level in CAMERAS.items():
        images = tmp_path / name
        images.mkdir()
        cv2.imwrite(str(images / "part.png"), part(level))
        calibrations.write(paths.calibration, starting_calibration(NAME, name, utc_now()))
        cameras.append({"name": name, "backend": "emulated", "images": images, "rate_hz": 4.0})
    shutil.rmtree(paths.calibration / INCOMING)  # where no node drops frames, none is needed
    sections: dict[str, dict[str, Any]] = {
        "station": {"name": NAME, "deadline_ms": 60_000.0},
        "model": {"bundle": "corner@1"},
        "incoming": {"enabled": False},
    }
    paths.settings.write_text(render_settings(sections, cameras))

    given = replace(dependencies(Plan()), connect_camera=connect)
    with running(paths, given) as run:
        run.wait_until_inspected(8)
        states = {capture.state.name: capture.state for capture in run.station.captures}
    inspect_rest = running(paths)
    with inspect_rest as again:
        again.wait_until_inspected(1)

    log = duckdb.connect(str(paths.database), read_only=True)
    rows = log.execute(
        "SELECT camera, list(DISTINCT verdict), count(DISTINCT part_id), count(*), min(part_id) "
        "FROM inspections GROUP BY camera ORDER BY camera"
    ).fetchall()
    serials = log.execute("SELECT count(DISTINCT camera_serial) FROM inspections").fetchone()
    assert [(camera, verdicts) for camera, verdicts, *_ in rows] == [
        ("left", ["PASS"]),
        ("right", ["FAIL"]),
    ]
    for camera, _, parts, frames, first in rows:
        assert parts == frames
        assert first.startswith(f"{camera}-")
        assert states[camera].triggers == states[camera].spooled + states[camera].lost
        assert frames >= states[camera].spooled
    assert serials == (2,)
