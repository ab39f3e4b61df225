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
from qc_edge.camera import Camera
from qc_edge.camera.scripted import ScriptedCamera
from qc_edge.diagnostics.model import check_recipes
from qc_edge.domain.calibration import starting_calibration
from qc_edge.domain.decisions import Outcome
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, QcEdgeError, RecordError, UsageError
from qc_edge.query.typed_rows import read_inspections
from qc_edge.recipe.changeover.request import (
    request_changeover,
    request_rollback,
    wait_for_changeover,
)
from qc_edge.records import calibrations, changeovers
from qc_edge.records.outcomes import conclude
from qc_edge.service.clock import utc_now
from qc_edge.settings import CameraSettings, EngineSettings, StationPaths, load_settings
from qc_edge.settings.view import PartSettings
from qc_edge.station.dependencies import Dependencies
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import (
    GOOD,
    NAME,
    Running,
    configure,
    inspect_all,
    make_station,
    part,
    running,
    spool,
    spooled,
    write_bundle,
)
from tests.station.test_activation import Feeder
from tests.station.twins import Cues, Fault, FaultyDisk, Plan, dependencies

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


def test_frames_that_lie_in_the_spool_are_judged_by_the_recipe_before(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    # As many as wait: their rows may come long after the event.
    monkeypatch.setattr("qc_edge.audit.in_force.rows._IN_HAND", 0)
    said = invoke("verify", NAME, "--root", paths.root)
    assert said.exit_code == 0, said.output


def test_what_cannot_be_is_refused_in_words_and_the_recipe_in_force_stays(
    paths: StationPaths,
) -> None:
    write_recipe(paths, "tin", 9, "corner@2", approved=False)
    write_recipe(paths, "lid", 7, "corner@2", approved=False)
    recipe("copy", "jar", "cap", "--number", "11", "--product", "cap", *WHO, paths=paths)
    side = starting_calibration(NAME, "side", utc_now())
    calibrations.write(paths.calibration, side)
    recipe("copy", "cap", "lamp", "--number", "12", "--product", "lamp", *WHO, paths=paths)
    for name, key, value in (
        ("cap", "bundle", "corner@9"),
        ("cap", "calibration", "20260929T000000Z-side"),
        ("lamp", "calibration", side.calibration_id),
    ):
        recipe("edit", name, "--set", f"view.incoming.{key}={value}", *WHO, paths=paths)
    refused = [
        (("approve", "lid", *WHO), "the number 7 is bottle@2's"),
        (("approve", "cap", *WHO), "bundle corner@9"),
        (("approve", "cap", *WHO), "20260929T000000Z-side is no record of camera incoming"),
        (("approve", "lamp", *WHO), "is of camera side, this view has camera incoming"),
        (("edit", "jar", "--set", "view.incoming.camera=side", *WHO), "no [[camera]] has that"),
        (("edit", "jar", "--set", "view.incoming.camera=none", *WHO), "view.1.camera"),
        (("activate", "tin", *WHO), "tin@2 is not approved"),
        (("activate", "bottle@1", *WHO), "bottle@1 is not approved; approved is bottle@2"),
        (("activate", "10", *WHO), "no approved recipe has the number 10"),
        (("activate", "drum", *WHO), "there is no recipe 'drum'"),
        (("activate", "bottle", "--by", "anna"), "--reason is missing"),
        (("rollback", *WHO), "nothing to go back to"),
        (("new", "station", "--number", "1", "--product", "x", *WHO), "no recipe can be called"),
    ]
    for arguments, words in refused:
        with pytest.raises(QcEdgeError) as fault:
            recipe(*arguments, paths=paths)
        assert words in fault.value.message, arguments
    assert recipe("list", paths=paths)["in_force"] == "station"


def test_a_recipe_of_fewer_views_than_the_rules_for_parts_ask_for_is_refused(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, part={"rule": "k_of_n", "fail_at": 3})
    with pytest.raises(QcEdgeError, match="fail_at = 3, and there are only 1 views"):
        recipe("new", "jar", "--number", "1", "--product", "jar", *WHO, paths=paths)


def test_under_a_recipe_a_threshold_says_that_the_recipe_goes_first_and_misfits_are_not_reloaded(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = (*WHO, "--yes", "--root", str(paths.root))
    with running(paths, by_version()) as run:
        assert "go first" not in invoke("threshold", NAME, "set", "0.42", *what).output
        assert change_over(paths, "bottle") == "in force"
        said = invoke("threshold", NAME, "set", "0.43", *what)
        assert said.exit_code == 0, said.output
        assert "the recipe bottle@2 is in force, and its thresholds go first" in said.stderr
        assert "every part" not in said.stdout
        said = invoke("model", "activate", NAME, "corner@3", *WHO, "--root", paths.root)
        assert said.exit_code == 0, said.output
        assert "bottle@2 is in force, and its views keep their bundles: incoming" in said.stderr
        assert "every part" not in said.stdout
        monkeypatch.setattr("qc_edge.diagnostics.model.load_engine", by_version().load_engine)
        settings = load_settings(paths.settings)
        resident = settings.recipe.model_copy(update={"resident": ("drum",)})
        found = list(check_recipes(paths, settings.model_copy(update={"recipe": resident})))
        assert [(each.level.name, each.message[:40]) for each in found] == [
            ("OK", "bottle@2 in force, changed over to by ann"[:40]),
            ("OK", "view incoming, camera incoming: corner@2"),
            ("OK", "corner@2: scripted 1 on none: golden fra"[:40]),
            ("WARNING", "drum is not resident: there is no recipe"),
        ]
        rulebook = run.station.rulebook
        assert rulebook is not None
        asks_for_three = PartSettings(rule="k_of_n", fail_at=3)
        misfit = rulebook.settings.model_copy(update={"part": asks_for_three})
        before = rulebook.rules
        with pytest.raises(QcEdgeError, match="does not fit the rules for parts"):
            rulebook.reload(misfit)
        assert rulebook.rules is before
        assert rulebook.settings.part.fail_at == 1


def test_a_changeover_that_fails_leaves_everything_as_it_was_and_says_why(
    paths: StationPaths,
) -> None:
    with running(paths, by_version(slow=["3"])) as run:
        assert change_over(paths, "bottle") == "in force"
        state = change_over(paths, "jar")
        assert state == "refused: no memory for corner@3"
        with pytest.raises(UsageError, match="in force already"):
            request_changeover(paths, "bottle", "anna", "again")
        assert recipe("rollback", *WHO, paths=paths)["in_force"]
        rulebook = run.station.rulebook
        assert rulebook
        assert rulebook.rules.recipe is None
        with pytest.raises(UsageError, match="nothing to go back to"):
            request_rollback(paths, "anna", "again")
    log = audit(paths)
    (event,) = log.events_of("recipe_refused")
    assert (event["before"], event["after"]) == ("bottle@2", "jar@2")
    assert [event["after"] for event in log.events_of("recipe")] == ["bottle@2", "station"]


def test_a_request_reads_no_record_older_than_the_one_in_force(paths: StationPaths) -> None:
    made = []
    for wanted, applied in (("bottle", True), ("jar", True), ("bottle", False)):
        made.append(request_changeover(paths, wanted, "anna", "order"))
        conclude(paths.changeovers, made[-1].record_id, Outcome(applied, utc_now(), "no room"))
    oldest = paths.changeovers / f"{made[0].record_id}.toml"
    oldest.write_text("damaged")
    recent, damaged = changeovers.load_recent(paths.changeovers)
    assert (recent.decisions, damaged) == (made[1:], [])
    assert recent.in_force == made[1]
    states = [changeovers.state(paths.changeovers, each) for each in made]
    assert states == ["earlier", "in force", "refused: no room"]
    # Who may not move it, as the page, leaves it where it is: the new one is recorded all the same.
    paths.set_aside.touch()
    request_changeover(paths, "bottle", "anna", "once more")
    assert oldest.read_text() == "damaged"
    # At rest the damaged one is set aside, or no start would come to an end.
    paths.set_aside.unlink()
    request_changeover(paths, "bottle", "anna", "once more")
    assert not oldest.exists()


def test_a_shadow_goes_on_over_a_changeover(paths: StationPaths) -> None:
    configure(paths, shadow={"bundle": "corner@3"})
    with running(paths, by_version()) as run:
        feeder = Feeder(paths)
        feeder.start()
        _more(run, 5)
        assert change_over(paths, "bottle") == "in force"
        _more(run, 5)
        count = feeder.end()
        run.wait_until_idle()
        shadow = run.wait_for_status(
            lambda seen: seen.shadow and seen.shadow.scored + seen.shadow.dropped == count,
            "the shadow has had every frame",
        ).shadow
        assert shadow is not None
        assert shadow.failed == 0
    log = audit(paths)
    assert len(log.inspections) == count
    judged = {row["frame_id"]: row["recipe"] for row in log.inspections}
    scored = {judged[row["frame_id"]] for row in log.tables["shadow_scores"]}
    assert scored == {None, "bottle@2"}
    assert not log.events_of("recipe_refused")


@pytest.mark.parametrize("step", ["append before", "append half", "append after"])
def test_a_full_disk_refuses_a_changeover_and_a_later_one_is_made(
    paths: StationPaths, step: str
) -> None:
    full = Fault(f"{step} in recipe", times=1, act="ENOSPC")
    given = replace(by_version(), disk=FaultyDisk(Cues([full])))
    with running(paths, given):
        assert change_over(paths, "bottle").startswith("refused: ")
        assert change_over(paths, "jar") == "in force"
    assert [event["after"] for event in audit(paths).events_of("recipe")] == ["jar@2"]
    assert [event["after"] for event in audit(paths).events_of("recipe_refused")] == ["bottle@2"]


def test_a_start_refuses_a_recipe_in_force_that_is_gone_or_changed(paths: StationPaths) -> None:
    with running(paths, by_version()):
        assert change_over(paths, "bottle") == "in force"
    file = paths.recipes / "bottle/2.toml"
    whole = file.read_text()
    for damaged in (whole.replace("threshold = 0.5", "threshold = 0.9"), None):
        file.unlink()
        if damaged:
            file.write_text(damaged)
        run = Running(paths.root, by_version())
        fault = run.wait_until_ended()
        assert isinstance(fault, RecordError)
        assert fault.exit_code == 65
        assert "recipes/bottle/2.toml" in fault.message
        file.write_text(whole)
    inspect_all(paths, by_version())
    # Lost for good, with the record of its changeover too: a new one on record, as the hint says.
    for lost in (file, *paths.changeovers.glob("*.toml")):
        lost.unlink()
    assert isinstance(Running(paths.root, by_version()).wait_until_ended(), RecordError)
    request_changeover(paths, "station", "carla", "bottle is lost")
    inspect_all(paths, by_version())


@pytest.mark.parametrize("takes_it", [True, False])
def test_a_recipe_sets_how_its_camera_exposes_and_what_is_refused_is_set_back(
    tmp_path: Path, takes_it: bool
) -> None:
    camera = {"name": "top", "backend": "scripted", "exposure_us": 10.0}
    paths = make_station(tmp_path, camera)
    what = ("--number", "7", "--product", "bottle")
    recipe("new", "bottle", *what, *WHO, paths=paths)
    recipe("edit", "bottle", "--set", "view.top.exposure_us=30", *WHO, paths=paths)
    recipe("approve", "bottle", *WHO, paths=paths)

    def connect(settings: CameraSettings) -> Camera:
        return ScriptedCamera(
            "f",
            repeat=True,
            frame=lambda number: part(GOOD, number),
            settings=settings,
            rate_hz=20.0,
            stands_at=lambda asked: (
                asked
                if takes_it
                else asked.model_copy(update={"exposure_us": min(asked.exposure_us or 0, 20.0)})
            ),
        )

    with running(paths, replace(dependencies(Plan()), connect_camera=connect)) as run:
        _more(run, 5)
        state = change_over(paths, "bottle")
        _more(run, 10 + len(spooled(paths)))
    rows = audit(paths, drained=False).inspections
    judged = {(row["recipe"], row["exposure_us"]) for row in rows}
    if takes_it:
        assert state == "in force"
        assert judged == {(None, 10.0), ("bottle@2", 30.0)}
    else:
        assert state.startswith("refused: a camera does not take what the recipe sets")
        assert judged == {(None, 10.0)}
