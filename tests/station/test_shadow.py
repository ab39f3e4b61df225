"""The shadow scores beside the line and changes nothing there, whatever happens to it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import BuildContext, Engine, Prepared
from qc_edge.engine.scripted import ScriptedEngine, Step
from qc_edge.errors import EngineLostError, ModelError
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.shadow.shadow import QUEUE
from tests.station.audit import read_log
from tests.station.harness import BAD, GOOD, Running, drop, make_station, part, running, spool
from tests.station.twins import Plan, by_corner, dependencies

Script = str | Callable[[Prepared], Step]
LEVELS = (GOOD, BAD, 120, 140, GOOD, BAD)


class Shadowed:
    """A station with corner@2 as its shadow, which does what `script` says; None: no shadow."""

    def __init__(
        self,
        root: Path,
        script: Script | None,
        *,
        threshold: float | None = None,
        plan: Plan = Plan(),  # noqa: B008
    ) -> None:
        shadow: dict[str, Any] = {"bundle": "corner@2"} if script else {}
        if threshold is not None:
            shadow["threshold"] = threshold
        camera = (
            {"name": "top", "backend": "scripted", "trigger": "hardware"} if plan.camera else None
        )
        self.paths = make_station(root, camera, shadow=shadow)
        shutil.copytree(self.paths.models / "corner/1", self.paths.models / "corner/2")
        manifest = self.paths.models / "corner/2/bundle.toml"
        manifest.write_text(manifest.read_text().replace('version = "1"', 'version = "2"'))
        self.engine: ScriptedEngine | None = None
        self.dependencies = replace(dependencies(plan), load_engine=self._load)
        self._script = script

    def _load(
        self, bundle: Bundle, settings: EngineSettings, build_context: BuildContext
    ) -> Engine:
        if bundle.version == "1":
            return ScriptedEngine(by_corner(), bundle.golden_frames)
        assert settings.threads == 1, "it takes no more than one core"
        if self._script == "absent":
            raise ModelError("it does not load", hint="")
        assert self._script is not None
        self.engine = ScriptedEngine(self._script, bundle.golden_frames)
        return self.engine


def judged(paths: StationPaths) -> list[tuple[Any, ...]]:
    return select(
        paths,
        "SELECT camera_frame_number, score, verdict, reason FROM inspections ORDER BY frame_id",
    )


def select(paths: StationPaths, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(paths.database), read_only=True) as log:
        return log.execute(query).fetchall()


def feed(paths: StationPaths, levels: tuple[int, ...] = LEVELS) -> None:
    for number, level in enumerate(levels, 1):
        spool(paths, part(level, seed=number), number)


def test_each_judged_part_has_a_score_of_the_shadow_in_the_chain(tmp_path: Path) -> None:
    made = Shadowed(tmp_path, lambda frame: 1 - int(frame[0, 4, 4]) / 255, threshold=0.6)
    with running(made.paths, made.dependencies) as station:
        drop(made.paths, "torn.png", b"no image")
        feed(made.paths)
        station.wait_until_inspected(len(LEVELS) + 1)
        station.wait_for(
            lambda: station.status.shadow and station.status.shadow.scored == len(LEVELS), "scored"
        )
    rows = select(
        made.paths,
        "SELECT s.part_id = i.part_id, round(s.score + i.score, 6), s.verdict, s.threshold, "
        "s.dropped_before, s.model_name || '@' || s.model_version, s.detail, s.infer_ms > 0 "
        "FROM shadow_scores s JOIN inspections i USING (frame_id) ORDER BY frame_id",
    )
    assert [row[2] for row in rows] == ["FAIL", "PASS", "PASS", "PASS", "FAIL", "PASS"]
    assert {row[:2] + row[3:] for row in rows} == {(True, 1.0, 0.6, 0, "corner@2", "", True)}
    assert len(read_log(made.paths).tables["shadow_scores"]) == len(LEVELS)
    assert select(made.paths, "SELECT count(*) FROM events WHERE kind = 'shadow_started'") == [(1,)]


@pytest.mark.parametrize("script", ["hang", "raise", "nan", "absent"])
def test_a_shadow_that_hangs_or_fails_changes_no_verdict(tmp_path: Path, script: str) -> None:
    alone = make_station(tmp_path / "alone")
    with running(alone) as station:
        feed(alone)
        station.wait_until_inspected(len(LEVELS))
    made = Shadowed(tmp_path / "beside", script)
    with running(made.paths, made.dependencies) as station:
        feed(made.paths)
        station.wait_until_inspected(len(LEVELS))
        if script == "hang":
            station.wait_for(
                lambda: made.engine and made.engine.hanging.is_set(), "the shadow hangs"
            )
        else:
            stopped = station.wait_for_status(
                lambda status: status.shadow and status.shadow.state.startswith("stopped"),
                "it is given up",
            )
            assert "shadow corner@2 stopped: " in stopped.line()
            assert stopped.ready
        feed(made.paths, (GOOD, BAD))
        station.wait_until_inspected(len(LEVELS) + 2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5, "a hanging shadow does not hold up the stop"
    assert judged(made.paths)[: len(LEVELS)] == judged(alone)
    assert len(judged(made.paths)) == len(LEVELS) + 2
    failed = {"hang": [], "absent": []}.get(script, [(None, None)])
    assert select(made.paths, "SELECT DISTINCT score, verdict FROM shadow_scores") == failed
    kinds = {kind for (kind,) in select(made.paths, "SELECT kind FROM events")}
    assert "shadow_dropped" in kinds
    assert ("shadow_failed" in kinds) == (script != "hang")


def test_a_device_that_is_lost_ends_the_shadow_at_once(tmp_path: Path) -> None:
    def lose(frame: Prepared) -> Step:
        raise EngineLostError("the device is gone", hint="")

    made = Shadowed(tmp_path, lose)
    with running(made.paths, made.dependencies) as station:
        feed(made.paths)
        station.wait_until_inspected(len(LEVELS))
        stopped = "stopped: the device is gone"
        station.wait_for(
            lambda: bool((shadow := station.status.shadow) and shadow.state == stopped), "given up"
        )
    assert len(judged(made.paths)) == len(LEVELS)


def test_under_load_the_shadow_is_what_is_dropped_and_every_frame_is_accounted_for(
    tmp_path: Path,
) -> None:
    made = Shadowed(tmp_path, "0.2")
    frames = 120
    feed(made.paths, tuple(GOOD + number % 100 for number in range(frames)))
    with running(made.paths, made.dependencies) as station:
        station.wait_until_inspected(frames)
        feed(made.paths, (GOOD,))  # one that finds nobody before it
        station.wait_until_inspected(frames + 1)
        station.wait_for(
            lambda: (
                (shadow := station.status.shadow) and shadow.scored + shadow.dropped == frames + 1
            ),
            "accounted",
        )
        shadow = station.status.shadow
    assert shadow is not None
    assert shadow.dropped > frames / 2
    assert len(judged(made.paths)) == frames + 1
    rows, dropped = select(made.paths, "SELECT count(*), sum(dropped_before) FROM shadow_scores")[0]
    assert rows == shadow.scored > 0
    left = select(made.paths, "SELECT detail FROM events WHERE kind = 'shadow_dropped'")
    assert dropped + sum(int(detail.split()[0]) for (detail,) in left) == shadow.dropped


def test_a_station_without_a_shadow_says_nothing_of_one(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        assert station.status.shadow is None
    assert select(paths, "SELECT count(*) FROM shadow_scores") == [(0,)]


@pytest.mark.serial
@pytest.mark.parametrize("script", ["hang", "0.2"])
def test_a_shadow_leaves_the_latency_in_its_class(tmp_path: Path, script: str) -> None:
    """The verdicts of a camera at 10 frames a second, beside a shadow that hangs or scores, and at
    the same time those of a station without one: what else the machine does delays both.
    """
    plan = Plan(camera="30f", rate_hz=10.0)
    alone = Shadowed(tmp_path / "alone", None, plan=plan)
    beside = Shadowed(tmp_path / "beside", script, plan=plan)
    with (
        running(alone.paths, alone.dependencies) as first,
        running(beside.paths, beside.dependencies) as second,
    ):
        alone_ms, beside_ms = (median_age_ms(station, 30) for station in (first, second))
    assert beside.engine is not None
    assert beside.engine.frames > 0, "the shadow was asked"
    assert beside_ms < 3 * alone_ms + 50


def median_age_ms(station: Running, frames: int) -> float:
    """The median age of so many frames when they were announced, as the status has it."""
    station.wait_until_inspected(frames)
    seen = station.wait_for_status(
        lambda status: status.latency and status.latency.frames == frames, "all in the status"
    )
    assert seen.latency is not None
    assert seen.latency.p50_ms is not None
    return seen.latency.p50_ms


def test_a_frame_is_offered_in_no_time_whatever_the_shadow_does(tmp_path: Path) -> None:
    made = Shadowed(tmp_path, "hang")
    frame = np.zeros((512, 512), np.uint8)
    with running(made.paths, made.dependencies) as station:
        feed(made.paths, (GOOD,))
        station.wait_until_inspected(1)
        station.wait_for(lambda: made.engine and made.engine.hanging.is_set(), "the shadow hangs")
        inspector = station.station.inspector
        role = station.station._inspect_role
        assert role
        shadow = role.shadow
        assert shadow is not None
        assert inspector is not None
        inspection = inspector.announcer.statistics.last
        assert inspection is not None
        taken = []
        for _ in range(1000):
            begun = time.thread_time()
            shadow.offer(inspection, frame)
            taken.append(time.thread_time() - begun)
        assert shadow.status.dropped == 1000 - QUEUE
    assert sum(taken) < 0.05, "50 us each, of CPU time"
