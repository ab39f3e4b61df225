"""After a change of model or engine, stored inputs score as they did, or the station does not
judge.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from qc_edge import engine as engines
from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine, Prepared
from qc_edge.engine.scripted import ScriptedEngine, Step
from qc_edge.errors import EngineError, ModelError, RecordError
from qc_edge.query.past.input_sample import sample_inputs
from qc_edge.recipe import score_identity
from qc_edge.recipe.score_identity import SAMPLE
from qc_edge.rendered import DefectKind, render
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.cli.runner import invoke
from tests.station.audit import audit, read_log
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    NEAR,
    Running,
    drop,
    inspect_all,
    make_station,
    part,
    running,
    spooled,
    write_bundle,
)
from tests.station.test_changeover import change_over, write_recipe
from tests.station.twins import Plan, by_corner, dependencies

WHO = ("--by", "anna", "--reason", "checked with 30 known parts")


def on(version: str, shift: float = 0.0) -> Dependencies:
    """The corner model on an engine of this version whose scores are off by `shift`."""

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        score: Callable[[Prepared], Step] = by_corner()
        engine = ScriptedEngine(
            lambda prepared: float(score(prepared)) + shift, bundle.golden_frames
        )
        engine.info = replace(engine.info, version=version)
        return engine

    return replace(dependencies(Plan()), load_engine=load)


def judged(root: Path) -> StationPaths:
    """A station that has judged five parts on version 1, one of them close below the threshold."""
    paths = make_station(root)
    for number, level in enumerate((GOOD, GOOD + 20, NEAR, BAD, BAD - 20)):
        drop(paths, f"{number}.png", part(level, number))
    inspect_all(paths, on("1"))
    return paths


def refused(paths: StationPaths, given: Dependencies) -> ModelError:
    """Why the station did not start."""
    fault = Running(paths.root, given).wait_until_ended()
    assert isinstance(fault, ModelError)
    return fault


def test_an_engine_that_scores_the_same_goes_ready_and_it_is_on_record(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    inspect_all(paths, on("2", shift=0.009))
    inspect_all(paths, on("2", shift=0.009))
    (event,) = read_log(paths).events_of("scores_compared")
    assert "0 of 5 stored inputs moved by more than 0.01 (at most 0.00900)" in event["detail"]
    assert (event["before"], event["after"]) == ("scripted 1 on none", "scripted 2 on none")


def test_scores_that_moved_keep_the_station_from_starting_with_a_table(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    drop(paths, "next.png", part())
    fault = refused(paths, on("2", shift=0.05))
    assert fault.exit_code == 65
    said = fault.message.splitlines()
    assert (
        "5 of 5 stored inputs moved by more than 0.01 (at most 0.05000); 1 verdict would turn"
        in said[0]
    )
    assert "scripted 1 on none" in said[1]
    assert "scripted 2 on none" in said[2]
    assert said[4].endswith("PASS -> FAIL"), "what turns comes first"
    assert "0.47059   0.52059" in said[4]
    assert len(said) == 4 + 5
    assert f"qc-edge model accept {NAME}" in fault.hint
    log = read_log(paths)
    assert len(log.inspections) == 5, "nothing is judged"
    assert len(log.events_of("scores_moved")) == 1
    assert not log.events_of("engine"), "it is not in force"


def test_an_engine_that_hangs_on_a_stored_input_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, stuck = judged(tmp_path), threading.Event()
    monkeypatch.setattr(score_identity, "BOUND_S", 0.2)
    monkeypatch.setattr(score_identity, "_ANSWER_S", 0.5)

    def load(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        engine = ScriptedEngine(lambda _: float(stuck.wait()), bundle.golden_frames)
        engine.info = replace(engine.info, version="2")
        return engine

    try:
        fault = Running(
            paths.root, replace(dependencies(Plan()), load_engine=load)
        ).wait_until_ended()
    finally:
        stuck.set()
    assert isinstance(fault, EngineError)
    assert "gave no answer for 0.5 s while it scored stored inputs again" in fault.message


def test_a_person_accepts_what_moved_and_it_is_on_record(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    refused(paths, on("2", shift=0.05))
    said = invoke("model", "accept", NAME, *WHO, "--root", paths.root)
    assert said.exit_code == 0, said.output
    assert "1 verdict would turn" in said.output
    assert "PASS -> FAIL" in said.output
    inspect_all(paths, on("2", shift=0.05))
    (event,) = read_log(paths).events_of("scores_accepted")
    assert (event["who"], event["why"]) == ("anna", "checked with 30 known parts")
    assert not paths.scores_moved.exists()
    inspect_all(paths, on("2", shift=0.05))
    assert len(read_log(paths).events_of("scores_accepted")) == 1


def test_an_acceptance_holds_for_that_change_alone(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    refused(paths, on("2", shift=0.05))
    invoke("model", "accept", NAME, *WHO, "--root", paths.root)
    assert "at most 0.06000" in refused(paths, on("3", shift=0.06)).message


def test_going_back_to_the_engine_before_needs_nobody(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    refused(paths, on("2", shift=0.05))
    with running(paths, on("1")) as run:
        assert run.status.ready
    assert not read_log(paths).events_of("scores_accepted")


def test_a_score_that_is_no_number_has_moved(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    fault = refused(paths, on("2", shift=float("nan")))
    assert "5 of 5 stored inputs moved" in fault.message
    assert "-> INVALID" in fault.message


def test_another_model_file_under_the_same_name_is_held_against_the_past(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    other = write_bundle(tmp_path / "other/1")
    (other / "model.onnx").write_bytes(b"retrained")
    manifest = (other / "bundle.toml").read_text()
    for name in ("model.onnx", "bundle.toml"):
        (paths.models / "corner/1" / name).write_bytes((other / name).read_bytes())
    digests = [line for line in manifest.splitlines() if "model.onnx" in line]
    new = hashlib.sha256(b"retrained").hexdigest()
    path = paths.models / "corner/1/bundle.toml"
    path.write_text(manifest.replace(digests[0], f'"model.onnx" = "{new}"'))
    fault = Running(paths.root, on("1", shift=-0.05)).wait_until_ended()
    assert isinstance(fault, RecordError), "a bundle of that name judged, and it was another one"
    invoke("model", "activate", NAME, "corner@1", *WHO, "--root", paths.root)
    assert "5 of 5 stored inputs moved" in refused(paths, on("1", shift=-0.05)).message


def test_inputs_that_are_gone_or_altered_are_counted(tmp_path: Path) -> None:
    paths = judged(tmp_path)
    kept = sorted(paths.evidence.rglob("*.prepared.pgm"))
    kept[0].unlink()
    kept[1].write_bytes(kept[1].read_bytes()[:-1] + b"\x00")
    inspect_all(paths, on("2"))
    (event,) = read_log(paths).events_of("scores_compared")
    assert "0 of 3 stored inputs moved" in event["detail"]
    assert "2 more could not be compared" in event["detail"]


def test_without_a_past_the_golden_frames_speak_alone(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    inspect_all(paths, on("1"))
    inspect_all(paths, on("2", shift=0.3))
    (event,) = read_log(paths).events_of("scores_compared")
    assert "no stored input" in event["detail"]


def test_a_model_that_comes_back_is_held_against_its_own_past_while_the_station_runs(
    tmp_path: Path,
) -> None:
    paths = judged(tmp_path)
    write_bundle(paths.models / "corner/2")
    activate = ("model", "activate", NAME)
    invoke(*activate, "corner@2", *WHO, "--root", paths.root)
    with running(paths, on("2", shift=0.05)) as run:
        result = invoke(*activate, "corner@1", *WHO, "--root", paths.root)
        assert isinstance(result.exception, ModelError)
        assert "5 of 5 stored inputs moved" in result.exception.message
        assert run.status.model == "corner@2"
        assert invoke("model", "accept", NAME, *WHO, "--root", paths.root).exit_code == 0
        assert invoke(*activate, "corner@1", *WHO, "--root", paths.root).exit_code == 0
        run.wait_for_status(lambda status: status.model == "corner@1", "accepted, and in force")
    audit(paths)


def test_the_engine_of_a_recipe_is_held_against_its_own_past_before_it_judges(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    write_bundle(paths.models / "corner" / "2")
    write_recipe(paths, "bottle", 7, "corner@2")
    with running(paths, on("1")) as run:
        assert change_over(paths, "bottle") == "in force"
        for number, level in enumerate((GOOD, NEAR, BAD)):
            drop(paths, f"{number}.png", part(level, number))
        run.wait_until_inspected(3)
        assert change_over(paths, "station") == "in force"
    with running(paths, on("2", shift=0.05)):
        said = change_over(paths, "bottle")
        assert "corner@2: 3 of 3 stored inputs moved by more than 0.01" in said
        accepted = invoke("model", "accept", NAME, *WHO, "--root", paths.root)
        assert accepted.exit_code == 0, accepted.output
        assert change_over(paths, "bottle") == "in force"
        assert change_over(paths, "station") == "in force"
        assert change_over(paths, "bottle") == "in force"
    (event,) = audit(paths).events_of("scores_accepted")
    assert (event["before"], event["after"]) == ("scripted 1 on none", "scripted 2 on none")
    assert refused(paths, on("3", shift=0.2)).message.startswith("corner@2: 3 of 3 stored inputs")


def test_the_sample_is_the_nearest_to_the_threshold_and_the_newest_by_the_last_engine(
    tmp_path: Path,
) -> None:
    paths = judged(tmp_path)
    for number, level in enumerate((GOOD, NEAR + 4, BAD, BAD, GOOD, GOOD)):
        drop(paths, f"later-{number}.png", part(level, 10 + number))
        inspect_all(paths, on("2"))
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    names = {row["frame_id"]: row["original_name"] for row in _rows(ledger)}
    found = [names[each.frame_id] for each in sample_inputs(ledger, "corner@1", 4)]
    assert found[-2:] == ["later-4.png", "later-5.png"]
    assert "later-1.png" in found
    assert all(name.startswith("later") for name in found)
    assert sample_inputs(ledger, "corner@2", SAMPLE) == []
    ledger.close()


def _rows(ledger: Ledger) -> list[dict[str, str]]:
    with ledger.snapshot() as log:
        found = log.execute("SELECT frame_id, original_name FROM inspections").fetchall()
    return [{"frame_id": frame, "original_name": name} for frame, name in found]


class Renamed:
    """A real engine that says it is another version."""

    def __init__(self, real: Engine) -> None:
        self._real = real
        self.info = replace(real.info, version="0.9")
        self.infer = real.infer
        self.close = real.close


def test_the_reference_model_on_onnx_runtime_scores_to_the_digit(tmp_path: Path) -> None:
    paths = make_station(
        tmp_path, model={"bundle": "reference@1"}, engine={"backend": "onnx", "threads": 1}
    )

    def older(
        bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
    ) -> Engine:
        return Renamed(engines.load_engine(bundle, settings, build_context))

    for seed in range(4):
        drop(paths, f"{seed}.png", render(seed, DefectKind.SCRATCH if seed % 2 else None).pixels)
    inspect_all(paths, replace(dependencies(Plan()), load_engine=older))
    inspect_all(paths, replace(dependencies(Plan()), load_engine=engines.load_engine))
    log = read_log(paths)
    (event,) = log.events_of("scores_compared")
    count = sum(row["score"] is not None for row in log.inspections)
    assert count >= 2
    assert (
        f"0 of {count} stored inputs moved by more than 0.001 (at most 0.00000)" in event["detail"]
    )
    assert not spooled(paths)
    assert json.loads(paths.status.read_text())["model_reason"] == "the settings name it"
