"""Whole stations on the stand-in's device, from frame to row."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import duckdb
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.calibration import starting_calibration
from qc_edge.records import calibrations
from qc_edge.rendered import render
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from qc_edge.settings.render import render_settings
from qc_edge.station.dependencies import Dependencies
from tests.standin.conftest import Library, Load
from tests.station.audit import audit
from tests.station.harness import NAME, drop, make_station, running, spooled

pytestmark = [pytest.mark.standin, pytest.mark.serial]

CAMERAS = ("front", "rear", "left", "right")


def on_the_device(load: Load, *, graphs: bool) -> Dependencies:
    return Dependencies(
        load_engine=lambda loaded, _, build_context: load(build_context, loaded, cuda_graph=graphs),
        patience_s=60.0,
    )


def test_a_station_from_frame_to_row(
    library: Library, bundle: Bundle, load: Load, tmp_path: Path
) -> None:
    paths = make_station(
        tmp_path,
        model={"bundle": bundle.reference},
        engine={"backend": "tensorrt"},
        inspect={"batch_max": 16},
    )
    with running(paths, on_the_device(load, graphs=True)) as run:
        for number in range(24):
            drop(paths, f"{number:03}.png", render(number).pixels)
        run.wait_until_inspected(24)
    rows = audit(paths).inspections
    assert len([row for row in rows if row["score"] is not None]) == 24
    assert {row["engine_backend"] for row in rows} == {"stand-in"}
    assert len({row["engine_plan_sha256"] for row in rows}) == 1
    assert library.left() == {}


def test_four_cameras_at_ten_frames_a_second_share_one_engine(
    library: Library, bundle: Bundle, load: Load, tmp_path: Path
) -> None:
    paths = make_station(tmp_path)
    cameras = []
    for seed, name in enumerate(CAMERAS):
        images = tmp_path / name
        images.mkdir()
        cv2.imwrite(str(images / "part.png"), render(seed).pixels)
        calibrations.write(paths.calibration, starting_calibration(NAME, name, utc_now()))
        cameras.append({"name": name, "backend": "emulated", "images": images, "rate_hz": 10.0})
    shutil.rmtree(paths.calibration / INCOMING)
    sections: dict[str, dict[str, Any]] = {
        "station": {"name": NAME, "deadline_ms": 60_000.0},
        "model": {"bundle": bundle.reference},
        "engine": {"backend": "tensorrt"},
        "incoming": {"enabled": False},
    }
    paths.settings.write_text(render_settings(sections, cameras))
    with running(paths, on_the_device(load, graphs=False)) as run:
        inspector = run.station.inspector
        assert inspector
        told = inspector.announcer.statistics
        run.wait_for(lambda: told.inspected >= 60, "60 frames inspected while more arrive")
        assert library.left()["contexts"] == 1, "one engine for all of them"
        states = {capture.state.name: capture.state for capture in run.station.captures}
    log = duckdb.connect(str(paths.database), read_only=True)
    rows = log.execute(
        "SELECT camera, list(DISTINCT score) FROM inspections GROUP BY ALL"
    ).fetchall()
    count = log.execute("SELECT count(*) FROM inspections").fetchall()[0][0]
    scores = dict(rows)
    assert set(scores) == set(CAMERAS)
    assert all(len(values) == 1 for values in scores.values()), "each frame is that of its camera"
    assert len({values[0] for values in scores.values()}) == 4
    assert all(state.triggers == state.spooled for state in states.values())
    assert count + len(spooled(paths)) == sum(state.spooled for state in states.values())
    assert library.left() == {}


def test_two_stations_share_one_device(
    library: Library, bundle: Bundle, load: Load, tmp_path: Path
) -> None:
    def station(root: Path) -> StationPaths:
        return make_station(
            root, model={"bundle": bundle.reference}, engine={"backend": "tensorrt"}
        )

    one, other = (station(tmp_path / name) for name in ("one", "other"))
    given = on_the_device(load, graphs=True)
    with running(one, given) as first, running(other, given) as second:
        assert library.left()["contexts"] == 2
        for number in range(6):
            drop(one, f"{number}.png", render(number).pixels)
            drop(other, f"{number}.png", render(number).pixels)
        first.wait_until_inspected(6)
        second.wait_until_inspected(6)
    scores = [
        {row["raw_sha256"]: row["score"] for row in audit(paths).inspections}
        for paths in (one, other)
    ]
    assert len(scores[0]) == 6
    assert scores[0] == scores[1], "neither computes with the other's frames"
    assert library.left() == {}
