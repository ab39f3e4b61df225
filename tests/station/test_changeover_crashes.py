"""kill -9 at the steps of a changeover: one recipe is in force whole, no frame is lost or judged
twice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.recipe.changeover.request import request_changeover
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import (
    GOOD,
    NAME,
    child_said,
    lines,
    make_station,
    part,
    run_child,
    running,
    spool,
)
from tests.station.test_changeover import WHO, recipe
from tests.station.test_changeover import paths as paths
from tests.station.twins import Fault, Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "exposure_us": 10.0, "silence_s": 3600.0}


@pytest.mark.parametrize(
    "step",
    [
        "write before in evidence",
        "append before",
        "unlink before",
    ],
)
def test_killed_over_frames_that_wait_one_recipe_is_in_force_and_each_has_one_row_by_the_right_one(
    paths: StationPaths, step: str
) -> None:
    for number in range(4):
        spool(paths, part(GOOD, number), number, "incoming")
    request_changeover(paths, "bottle", "anna", "order")
    run_child(paths, Plan(faults=(Fault(step),)))
    for number in range(4, 6):
        spool(paths, part(GOOD, number), number, "incoming")
    with running(paths) as run:
        run.wait_until_idle()
        rulebook = run.station.rulebook
        assert rulebook
        assert rulebook.rules.recipe == "bottle@2"
    log = audit(paths)
    (event,) = log.events_of("recipe")
    assert event["after"] == "bottle@2"
    assert len(log.inspections) == 6
    for row in log.inspections:
        expected = "bottle@2" if row["frame_id"] > event["event_id"] else None
        assert row["recipe"] == expected
    assert recipe("list", paths=paths)["pending"] is None


@pytest.mark.parametrize(
    "step", ["adjust after", "append half in recipe", "append after in recipe"]
)
def test_killed_while_the_camera_is_set_the_recipe_comes_whole_with_what_it_sets(
    tmp_path: Path, step: str
) -> None:
    paths, grabbed = make_station(tmp_path, CAMERA), tmp_path / "grabbed"
    recipe("new", "bottle", "--number", "7", "--product", "bottle", *WHO, paths=paths)
    recipe("edit", "bottle", "--set", "view.top.exposure_us=30", *WHO, paths=paths)
    recipe("approve", "bottle", *WHO, paths=paths)
    request_changeover(paths, "bottle", "anna", "order")
    plan = Plan(camera="99f", rate_hz=20.0, grabbed=str(grabbed))
    died = run_child(paths, Plan(**(vars(plan) | {"faults": (Fault(step),)})))
    assert died == -9, child_said(paths)

    with running(paths, dependencies(plan)) as run:
        run.wait_for(lambda: recipe("list", paths=paths)["pending"] is None, "it is decided")
        made = len(lines(grabbed))
        run.wait_for(lambda: len(lines(grabbed)) >= made + 5, "frames by the recipe")

    log = audit(paths, drained=False)
    (event,) = log.events_of("recipe")
    assert event["after"] == "bottle@2"
    assert not log.events_of("recipe_refused")
    rows = log.inspections
    # The one that was in memory when it was killed, or when the station stopped.
    assert len(lines(grabbed)) - len(rows) - log.lost - len(list(paths.frames.iterdir())) <= 1
    told = [row for row in rows if row["hold_reason"] != "recovered"]
    assert {(row["recipe"], row["exposure_us"]) for row in told} >= {("bottle@2", 30.0)}
    for row in told:
        assert (row["recipe"] == "bottle@2") == (row["exposure_us"] == 30.0), row["frame_id"]
    said = invoke("verify", NAME, "--root", paths.root)
    assert said.exit_code == 0, said.output
