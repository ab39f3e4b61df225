"""How long a changeover takes whose engine is resident, while parts come at 20 a second."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from qc_edge import engine
from qc_edge.camera import Camera
from qc_edge.camera.scripted import ScriptedCamera
from qc_edge.query.typed_rows import read_inspections
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.recipe_editing import approve, change_content, write_new
from qc_edge.recipe.changeover.recipe_proposal import propose
from qc_edge.recipe.changeover.request import request_changeover, wait_for_changeover
from qc_edge.settings import CameraSettings, StationPaths
from tests.station.harness import GOOD, make_station, part, running
from tests.station.twins import Plan, dependencies

RATE_HZ = 20.0
_BY = Attribution("bench", "measured")


def changeover(console: Console, long: bool) -> dict[str, Any]:
    """From the request to `in force`, its record and its outcome on the disk; and what it did to
    the parts.
    """
    count = 200 if long else 40
    with tempfile.TemporaryDirectory() as directory:
        figures = _measure(Path(directory), count)
    table = Table(title=f"Changeover between two resident recipes at {RATE_HZ:g} parts/s (ms)")
    for heading in ("changeovers", "p50", "worst", "parts", "by the wrong recipe", "lost"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{figures['changeovers']}",
        f"{figures['p50_ms']:.0f}",
        f"{figures['worst_ms']:.0f}",
        f"{figures['parts']}",
        f"{figures['wrong']}",
        f"{figures['lost']}",
    )
    console.print(table)
    return figures


def _measure(root: Path, count: int) -> dict[str, Any]:
    camera = {"name": "top", "backend": "scripted", "rate_hz": RATE_HZ}
    names = ("one", "two")
    paths = make_station(
        root, camera, model={"bundle": "reference@1"}, recipe={"resident": list(names)}
    )
    for number, name in enumerate(names):
        content = propose(paths, number, name)
        threshold = f"view.top.threshold=0.{number + 5}"
        write_new(paths, name, change_content(content, [threshold]), _BY)
        approve(paths, name, _BY)
    frames = [part(GOOD, seed, 640, 512) for seed in range(8)]

    def connect(settings: CameraSettings) -> Camera:
        return ScriptedCamera(
            "f",
            repeat=True,
            frame=lambda number: frames[number % len(frames)],
            settings=settings,
            rate_hz=RATE_HZ,
        )

    given = replace(dependencies(Plan()), connect_camera=connect, load_engine=engine.load_engine)
    took_ms, pause = [], threading.Event()
    with running(paths, given) as run:
        follower = run.station._reporter.recipes  # type: ignore[union-attr]
        run.wait_for(lambda: follower and len(follower.resident) == len(names), "resident")
        for turn in range(count):
            pause.wait(0.31 + 0.007 * (turn % 13))
            begun = time.monotonic()
            record = request_changeover(paths, names[turn % 2], "bench", "measured")
            state = wait_for_changeover(paths, record, 60)
            took_ms.append((time.monotonic() - begun) * 1e3)
            assert state == "in force", state
        triggers = run.station.captures[0].state.triggers
        lost = run.station.captures[0].state.lost
    return _figures(paths, sorted(took_ms), triggers, lost)


def _figures(paths: StationPaths, took_ms: list[float], triggers: int, lost: int) -> dict[str, Any]:
    rows = read_inspections(paths.database)
    thresholds = {"one@1": 0.5, "two@1": 0.6}
    wrong = sum(row.recipe is not None and row.threshold != thresholds[row.recipe] for row in rows)
    return {
        "rate_hz": RATE_HZ,
        "changeovers": len(took_ms),
        "p50_ms": took_ms[len(took_ms) // 2],
        "worst_ms": took_ms[-1],
        "parts": len(rows),
        "triggers_at_least": triggers,
        "lost": lost,
        "wrong": wrong,
    }
