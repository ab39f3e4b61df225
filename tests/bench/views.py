"""Four cameras at 10 frames a second each, as views of a part: by one bundle, and by two."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from qc_edge.domain.calibration import starting_calibration
from qc_edge.domain.parts.told import ToldPart
from qc_edge.records.calibrations import write
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import start_logging
from qc_edge.settings import CameraSettings, StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.settings.render import render_settings
from qc_edge.setup.new_station import parse_camera, provision
from qc_edge.station.daemon import Station
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.supervisor import Supervisor
from tests.bench.apart import alone
from tests.bench.measures import frames_of, scratch
from tests.bench.station import MemoryCamera

CAMERAS = ("top", "left", "right", "below")
RATE_HZ = 10.0
SECONDS = 60
SIZE = (1280, 1024)


class Ages:
    """The output under measurement: how old each frame was when it was told, by camera."""

    def __init__(self, count: int, supervisor: Supervisor) -> None:
        self._count, self._supervisor = count, supervisor
        self.told = 0
        self.lanes: Counter[str] = Counter()

    def announce(self, told: ToldPart) -> None:
        """Count its frames; the station stops behind the last."""
        self.told += len(told.inspections)
        self.lanes.update(str(each.hold_reason or "in time") for each in told.inspections)
        if self.told == self._count:
            self._supervisor.stop()

    def close(self) -> None:
        """Nothing to let go."""


def views(console: Console, long: bool) -> dict[str, Any]:
    """Frames lost, and how old they are when they are told."""
    seconds = SECONDS * 10 if long else SECONDS
    table = Table(title=f"Four views at {RATE_HZ:g} frames/s each, {seconds} s, reference model")
    for heading in ("bundles", "frames", "lost", "late", "p50 (ms)", "p99 (ms)", "worst (ms)"):
        table.add_column(heading, justify="right")
    figures = {}
    for bundles in (1, 2):
        found = figures[f"{bundles} bundles"] = alone(four_views, bundles, seconds)
        ages = [f"{found[name]:.0f}" for name in ("p50_ms", "p99_ms", "worst_ms")]
        counts = [str(found[name]) for name in ("frames", "lost", "late")]
        table.add_row(str(bundles), *counts, *ages)
    console.print(table)
    return figures


def four_views(bundles: int, seconds: int) -> dict[str, Any]:
    """A station of four cameras that play from memory; with two bundles, two views go by each."""
    count = int(seconds * RATE_HZ)
    start_logging("error", "bench")
    with scratch() as root:
        paths = _station(root, bundles)
        supervisor, pictures = Supervisor(), frames_of(SIZE)
        ages = Ages(count * len(CAMERAS), supervisor)

        def connect(_: CameraSettings) -> MemoryCamera:
            return MemoryCamera(pictures, count, RATE_HZ)

        Station(root, "bench", Dependencies(connect_camera=connect, outputs=[ages])).run(supervisor)
        with duckdb.connect(str(paths.database), read_only=True) as log:
            rows = log.execute("SELECT view, age_ms FROM inspections").fetchall()
            ((lost,),) = log.execute("SELECT coalesce(sum(lost), 0)::INT FROM gaps").fetchall()
    told = np.array([age for _, age in rows])
    of_views = {
        view: [float(np.percentile([a for v, a in rows if v == view], q)) for q in (50, 99)]
        for view in CAMERAS
    }
    return {
        "frames": len(rows),
        "lost": lost,
        "late": ages.lanes["late"],
        "p50_ms": float(np.percentile(told, 50)),
        "p99_ms": float(np.percentile(told, 99)),
        "worst_ms": float(told.max()),
        "p50_and_p99_ms_of_views": of_views,
    }


def _station(root: Path, bundles: int) -> StationPaths:
    paths = provision(root, "bench", parse_camera("none")).paths
    second = paths.models / "second/1"
    shutil.copytree(shipped("models") / "reference/1", second)
    manifest = second / "bundle.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('name = "reference"', 'name = "second"', 1), encoding="utf-8")
    for camera in CAMERAS:
        write(paths.calibration, starting_calibration("bench", camera, utc_now()))
    other = {"bundle": "second@1"} if bundles == 2 else {}
    sections: dict[str, dict[str, Any]] = {
        "station": {"name": "bench", "deadline_ms": 1000.0},
        "log": {"level": "error", "verdicts_per_s": 0.0},
        "storage": {"warn_free_mb": 100.0, "stop_free_mb": 50.0},
        # These cameras are not triggered together: without an id each frame is told alone.
        "part": {"match": "id"},
    }
    cameras = [{"name": name, "backend": "scripted", "silence_s": 3600.0} for name in CAMERAS]
    of_views = [
        {"name": name, "camera": name, **(other if place % 2 else {})}
        for place, name in enumerate(CAMERAS)
    ]
    paths.settings.write_text(render_settings(sections, cameras, of_views), encoding="utf-8")
    return paths
