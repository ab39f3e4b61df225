"""Another bundle takes the place of the one that judges: proven first, between two frames, on
record.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine, Prepared
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, ModelError, QcEdgeError, StoreError, UsageError
from qc_edge.recipe import outcome_keeper
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from tests.cli.runner import invoke
from tests.station.audit import Log, audit
from tests.station.harness import (
    GOOD,
    NAME,
    Running,
    configure,
    drop,
    inspect_all,
    make_station,
    part,
    running,
    wait_for,
    write_bundle,
)
from tests.station.twins import Plan, by_corner, dependencies

WHO = ("--by", "anna", "--reason", "finds stains")
SCORES = {"1": 0.1, "2": 0.9, "3": 0.3}
"""What each version says of every part."""


def model(*arguments: str, paths: StationPaths) -> Any:
    """`qc-edge model VERB line1 ...` with --json; what it said, or the fault that it raised."""
    verb, *rest = arguments
    result = invoke("model", verb, NAME, *rest, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def by_version(prove: Callable[[Bundle], None] = lambda _: None) -> Dependencies:
    """Engines that score by the version of their bundle; `prove` may raise, or take its time."""

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        prove(bundle)

        def score(prepared: Prepared) -> float:
            return SCORES[bundle.version]

        return ScriptedEngine(score, bundle.golden_frames)

    return replace(dependencies(Plan()), load_engine=load)


def station(root: Path) -> StationPaths:
    """With three versions of a bundle, the first in force."""
    paths = make_station(root)
    for version in ("2", "3"):
        write_bundle(paths.models / "corner" / version)
    return paths


def versions(log: Log) -> list[str]:
    """Which version judged, in order of the chain."""
    return [
        row["model_version"] for row in sorted(log.inspections, key=lambda row: row["chain_seq"])
    ]


class Feeder(threading.Thread):
    """Drops parts until it is stopped."""

    def __init__(self, paths: StationPaths) -> None:
        super().__init__(daemon=True)
        self.paths, self.count, self.stop = paths, 0, threading.Event()

    def run(self) -> None:
        """One part every few milliseconds."""
        while not self.stop.wait(0.02):
            drop(self.paths, f"{self.count:05}.png", part(GOOD, self.count))
            self.count += 1

    def end(self) -> int:
        """How many there were."""
        self.stop.set()
        self.join()
        return self.count


def test_the_change_over_loses_no_frame_and_judges_none_twice(tmp_path: Path) -> None:
    paths = station(tmp_path)
    with running(paths, by_version()) as run:
        feeder = Feeder(paths)
        feeder.start()
        inspector = run.station.inspector
        assert inspector
        run.wait_for(lambda: inspector.announcer.statistics.inspected >= 20, "20 parts")
        said = model("activate", "corner@2", *WHO, paths=paths)
        assert said["in_force"]
        seen = feeder.count
        wait_for(lambda: feeder.count > seen + 20, "more parts")
        dropped = feeder.end()
        run.wait_until_idle()
        rulebook = run.station.rulebook
        assert rulebook
        assert rulebook.rules.bundle.reference == "corner@2"
    log = audit(paths)
    assert len(log.inspections) == dropped
    judged = versions(log)
    assert set(judged) == {"1", "2"}
    assert judged == sorted(judged), "the models took turns"
    (event,) = log.events_of("model")
    assert (event["who"], event["why"]) == ("anna", "finds stains")
    assert event["before"].startswith("corner@1 sha256 ")
    assert event["after"].startswith("corner@2 sha256 ")
    for row in log.inspections:
        assert (row["chain_seq"] > event["chain_seq"]) == (row["model_version"] == "2")
        assert row["score"] == SCORES[row["model_version"]]
        assert row["threshold_id"] == f"corner@{row['model_version']}:0.5"


def test_the_old_engine_goes_on_while_the_new_one_is_loaded(tmp_path: Path) -> None:
    paths = station(tmp_path)
    may_load, loading = threading.Event(), threading.Event()

    def prove(bundle: Bundle) -> None:
        if bundle.version == "2":
            loading.set()
            assert may_load.wait(30)

    with running(paths, by_version(prove)) as run:
        asked = threading.Thread(target=lambda: model("activate", "corner@2", *WHO, paths=paths))
        asked.start()
        assert loading.wait(30)
        drop(paths, "meanwhile.png", part())
        run.wait_until_inspected(1)
        run.wait_for_status(lambda status: "activating corner@2" in status.line(), "it is said")
        may_load.set()
        asked.join(20)
        drop(paths, "after.png", part())
        run.wait_until_inspected(2)
        assert run.wait_for_status(lambda status: not status.model_news, "done").model == "corner@2"
    log = audit(paths)
    assert (log.of("meanwhile.png")["model_version"], log.of("after.png")["model_version"]) == (
        "1",
        "2",
    )


def refuse_two(bundle: Bundle) -> None:
    """Version 2 does not load."""
    if bundle.version == "2":
        raise EngineError("no room on the device", hint="a smaller model")


def test_an_activation_that_fails_leaves_the_old_one_and_says_why(tmp_path: Path) -> None:
    paths = station(tmp_path)
    with running(paths, by_version(refuse_two)) as run:
        with pytest.raises(
            ModelError, match=r"corner@2 was refused: no room on the device"
        ) as refusal:
            model("activate", "corner@2", *WHO, paths=paths)
        assert "corner@1 goes on judging" in refusal.value.hint
        drop(paths, "after.png", part())
        run.wait_until_inspected(1)
        status = run.wait_for_status(lambda status: "refused" in status.model_news, "said")
        assert "corner@2 was refused: no room on the device" in status.line()
        assert status.ready
    log = audit(paths)
    assert versions(log) == ["1"]
    (event,) = log.events_of("activation_refused")
    assert (event["before"], event["after"], event["who"]) == ("corner@1", "corner@2", "anna")
    assert "no room on the device" in event["detail"]
    inspect_all(paths, by_version())
    assert model("list", paths=paths)["in_force"] == "corner@1", (
        "a refused activation is not tried again"
    )


def test_an_engine_that_fails_the_golden_frames_is_refused(tmp_path: Path) -> None:
    paths = station(tmp_path)
    given = by_version()

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        engine: Engine = given.load_engine(bundle, settings, build_context)
        return ScriptedEngine("0.7") if bundle.version == "2" else engine

    refused = pytest.raises(ModelError, match="1 of 1 golden frames moved")
    with running(paths, replace(given, load_engine=load)), refused:
        model("activate", "corner@2", *WHO, paths=paths)


def test_a_station_at_rest_takes_it_up_when_it_starts_and_keeps_it(tmp_path: Path) -> None:
    paths = station(tmp_path)
    drop(paths, "a.png", part())
    inspect_all(paths, by_version())
    assert not model("activate", "corner@2", *WHO, paths=paths)["in_force"]
    assert model("list", paths=paths)["activations"][-1]["state"] == "to come"
    for name in ("b.png", "c.png"):
        drop(paths, name, part())
        inspect_all(paths, by_version())
    log = audit(paths)
    assert versions(log) == ["1", "2", "2"]
    (event,) = log.events_of("model")
    assert (event["who"], event["why"]) == ("anna", "finds stains")
    assert model("list", paths=paths)["in_force"] == "corner@2"


def test_one_that_fails_at_the_start_leaves_the_one_before(tmp_path: Path) -> None:
    paths = station(tmp_path)
    model("activate", "corner@2", *WHO, paths=paths)
    drop(paths, "a.png", part())
    inspect_all(paths, by_version(refuse_two))
    log = audit(paths)
    assert versions(log) == ["1"]
    assert len(log.events_of("activation_refused")) == 1
    state = model("list", paths=paths)["activations"][-1]["state"]
    assert state == "refused: no room on the device"


def test_a_rollback_takes_one_activation_back_at_a_time(tmp_path: Path) -> None:
    paths = station(tmp_path)
    with running(paths, by_version()) as run:
        steps = (("activate", "corner@2"), ("activate", "corner@3"), ("rollback",), ("rollback",))
        for number, step in enumerate(steps):
            assert model(*step, *WHO, paths=paths)["in_force"]
            drop(paths, f"{number}.png", part())
            run.wait_until_inspected(number + 1)
        with pytest.raises(UsageError, match="nothing to go back to"):
            model("rollback", *WHO, paths=paths)
    log = audit(paths)
    assert versions(log) == ["2", "3", "2", "1"]
    assert [event["after"][:8] for event in log.events_of("model")] == [
        f"corner@{n}" for n in "2321"
    ]


def test_a_threshold_belongs_to_its_bundle_and_comes_back_with_it(tmp_path: Path) -> None:
    paths = station(tmp_path)
    configure(paths, model={"threshold": 0.6, "review_band": 0.2})
    with running(paths, by_version()) as run:
        for number, step in enumerate((("activate", "corner@2"), ("rollback",))):
            drop(paths, f"{number}.png", part())
            run.wait_until_inspected(number + 1)
            model(*step, *WHO, paths=paths)
        drop(paths, "2.png", part())
        run.wait_until_inspected(3)
    log = audit(paths)
    named = [log.of(f"{n}.png")["threshold_id"] for n in range(3)]
    assert named == ["settings:0.6", "corner@2:0.5", "settings:0.6"]
    assert [log.of(f"{n}.png")["review_band"] for n in range(3)] == [0.2, 0.1, 0.2]
    assert len(log.events_of("threshold")) == 2


def test_a_bundle_that_is_not_the_one_that_was_activated_stops_the_start(tmp_path: Path) -> None:
    paths = station(tmp_path)
    model("activate", "corner@2", *WHO, paths=paths)
    inspect_all(paths, by_version())
    manifest = paths.models / "corner/2/bundle.toml"
    manifest.write_text(manifest.read_text().replace("threshold = 0.5", "threshold = 0.9"))
    fault = Running(tmp_path, by_version()).wait_until_ended()
    assert isinstance(fault, ModelError)
    assert "is not the corner@2 that was activated by anna" in fault.message
    assert fault.exit_code == 65


def test_an_edited_record_stops_the_start(tmp_path: Path) -> None:
    paths = station(tmp_path)
    model("activate", "corner@2", *WHO, paths=paths)
    (record,) = paths.activations.glob("*.toml")
    record.write_text(record.read_text().replace("corner@2", "corner@3"))
    fault = Running(tmp_path, by_version()).wait_until_ended()
    assert isinstance(fault, ModelError)
    assert "has been changed" in fault.message


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("activate", "corner@2", "--by", "", "--reason", "why"), UsageError, "--by is missing"),
        (("activate", "corner@2", "--by", "anna"), UsageError, "--reason is missing"),
        (("activate", "corner@9", *WHO), ModelError, "no bundle 'corner@9'"),
        (("activate", "corner@1", *WHO), UsageError, "corner@1 is in force already"),
        (("rollback", *WHO), UsageError, "nothing to go back to"),
        (("accept", *WHO), UsageError, "no moved scores wait"),
    ],
)
def test_a_refused_change_leaves_no_record(
    tmp_path: Path, arguments: tuple[str, ...], error: type[QcEdgeError], words: str
) -> None:
    paths = station(tmp_path)
    with pytest.raises(error, match=words):
        model(*arguments, paths=paths)
    assert not list(paths.activations.iterdir())


def test_a_crash_before_the_outcome_was_kept_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = station(tmp_path)

    def refuse(*_: object) -> None:
        raise StoreError("no space left")

    with running(paths, by_version()) as run:
        with monkeypatch.context() as patch:
            patch.setattr(outcome_keeper, "conclude", refuse)
            ask = partial(model, "activate", "corner@2", *WHO, paths=paths)
            threading.Thread(target=ask, daemon=True).start()
            run.wait_for_status(lambda status: status.model == "corner@2", "it judges all the same")
        drop(paths, "a.png", part())
        run.wait_until_inspected(1)
    drop(paths, "b.png", part())
    inspect_all(paths, by_version())
    log = audit(paths)
    assert versions(log) == ["2", "2"]
    assert len(log.events_of("model")) == 1
    assert model("list", paths=paths)["activations"][-1]["state"] == "in force"


def test_the_engine_before_is_closed_after_the_change(tmp_path: Path) -> None:
    paths = station(tmp_path)
    made: list[ScriptedEngine] = []

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        made.append(ScriptedEngine(by_corner(), bundle.golden_frames))
        return made[-1]

    with running(paths, replace(dependencies(Plan()), load_engine=load)) as run:
        model("activate", "corner@2", *WHO, paths=paths)
        run.wait_for(lambda: made[0]._closed, "the first engine is closed")
        assert not made[1]._closed
    assert made[1]._closed
