"""Another product on the line: changed over between two frames, on record, each frame by the recipe
of its time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, QcEdgeError
from qc_edge.query.typed_rows import read_inspections
from qc_edge.recipe.changeover.request import (
    request_changeover,
    wait_for_changeover,
)
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import (
    GOOD,
    NAME,
    Running,
    make_station,
    part,
    running,
    spool,
    write_bundle,
)
from tests.station.test_activation import Feeder
from tests.station.twins import Plan, dependencies

WHO = ("--by", "anna", "--reason", "order 4711")
SCORES = {"1": 0.1, "2": 0.9, "3": 0.3}
"""What each version of the bundle says of every part."""


def recipe(*arguments: str, paths: StationPaths) -> Any:
    """`qc-edge recipe VERB line1 ...` with --json; what it said, or the fault that it raised."""
    verb, *rest = arguments
    result = invoke("recipe", verb, NAME, *rest, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write_recipe(
    paths: StationPaths, name: str, number: int, bundle: str, *changes: str, approved: bool = True
) -> None:
    """A recipe of one view, as a person makes it."""
    what = ("--number", str(number), "--product", name)
    recipe("new", name, *what, *WHO, paths=paths)
    changed = [f"view.incoming.bundle={bundle}", "view.incoming.threshold=0.5", *changes]
    sets = [word for change in changed for word in ("--set", change)]
    recipe("edit", name, *sets, *WHO, paths=paths)
    if approved:
        recipe("approve", name, *WHO, paths=paths)


def by_version(slow: Sequence[str] = ()) -> Dependencies:
    """Engines that score by the version of their bundle; one in `slow` does not load."""

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        if bundle.version in slow:
            raise EngineError(f"no memory for {bundle.reference}", hint="buy some")
        return ScriptedEngine(lambda _: SCORES[bundle.version], bundle.golden_frames)

    return replace(dependencies(Plan()), load_engine=load)


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station with three bundles and two approved recipes of another bundle each."""
    paths = make_station(tmp_path)
    for version in ("2", "3"):
        write_bundle(paths.models / "corner" / version)
    write_recipe(paths, "bottle", 7, "corner@2")
    write_recipe(paths, "jar", 8, "corner@3", "view.incoming.gates.focus_min=10")
    return paths


def change_over(paths: StationPaths, wanted: int | str) -> str:
    """Ask for it and wait; what the station made of it."""
    return wait_for_changeover(paths, request_changeover(paths, wanted, "anna", "order"), 30)


def test_each_frame_is_judged_by_the_recipe_of_its_time_and_none_is_lost(
    paths: StationPaths,
) -> None:
    with running(paths, by_version()) as run:
        feeder = Feeder(paths)
        feeder.start()
        for wanted in ("bottle", 8, 7, "station"):
            _more(run, 15)
            assert change_over(paths, wanted) == "in force"
        _more(run, 15)
        count = feeder.end()
        run.wait_until_idle()
        assert run.station.rulebook
        assert run.station.rulebook.rules.recipe is None
    log = audit(paths)
    assert len(log.inspections) == count
    judged = {row["frame_id"]: row["recipe"] for row in log.inspections}
    names = list(dict.fromkeys(judged[frame] for frame in sorted(judged)))
    assert set(names) == {None, "bottle@2", "jar@2"}
    versions = {"bottle@2": "2", "jar@2": "3", None: "1"}
    for row in log.inspections:
        assert row["model_version"] == versions[row["recipe"]]
        assert row["score"] == SCORES[row["model_version"]]
        threshold = f"recipe:{row['recipe']}:0.5" if row["recipe"] else "corner@1:0.5"
        assert row["threshold_id"] == threshold
    events = log.events_of("recipe")
    assert [event["after"] for event in events] == ["bottle@2", "jar@2", "bottle@2", "station"]
    assert {(event["who"], event["why"]) for event in events} == {("anna", "order")}
    assert all(event["record_sha256"] for event in events)
    in_force = [json.loads(event["after"]) for event in log.events_of("in_force")]
    assert [state.get("recipe") for state in in_force][-4:] == [
        "bottle@2",
        "jar@2",
        "bottle@2",
        None,
    ]
    said = invoke("verify", NAME, "--root", paths.root)
    assert said.exit_code == 0, said.output


def _more(run: Running, frames: int) -> None:
    inspector = run.station.inspector
    assert inspector
    seen = inspector.announcer.statistics.inspected
    run.wait_for(lambda: inspector.announcer.statistics.inspected >= seen + frames, "more frames")


def test_frames_that_lie_in_the_spool_are_judged_by_the_recipe_before(paths: StationPaths) -> None:
    with running(paths, by_version()):
        assert change_over(paths, "bottle") == "in force"
    for number in range(3):
        spool(paths, part(GOOD, number), number, "incoming")
    request_changeover(paths, "jar", "ben", "next order")
    with running(paths, by_version()) as run:
        run.wait_until_idle()
        spool(paths, part(GOOD, 3), 3, "incoming")
        run.wait_until_idle()
    rows = sorted(read_inspections(paths.database), key=lambda row: row.frame_id)
    assert [row.recipe for row in rows] == ["bottle@2"] * 3 + ["jar@2"]
    assert [row.score for row in rows] == [0.9] * 3 + [0.3]
    said = invoke("verify", NAME, "--root", paths.root)
    assert said.exit_code == 0, said.output
