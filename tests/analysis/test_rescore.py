"""Another model over stored inputs: each part once, whatever ends the process, and none that was
changed.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.analysis.replay.score_file import ScoreFile, score_file_path
from qc_edge.analysis.replay.scoring import RescoredPart, Rescorer
from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.domain.history import Selection, StoredInput
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, StoreError
from qc_edge.query.past.station_history import history_at_rest
from qc_edge.settings import StationPaths
from tests.station.harness import child_environment, drop, inspect_all, make_station, part

LEVELS = (20, 60, 100, 140, 180, 220)


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station that has judged six parts; not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("inspected"))
    for level in LEVELS:
        drop(paths, f"{level:03d}.png", part(level, seed=level))
    inspect_all(paths)
    return paths


def bundle_of(paths: StationPaths) -> Bundle:
    return load_bundle("corner@1", [paths.models])


def stored(paths: StationPaths) -> list[list[StoredInput]]:
    with history_at_rest(paths.database, Selection()) as history:
        assert history.count_stored() == len(LEVELS)
        return list(history.stored())


class CountedProgress:
    """How many inputs were done."""

    done = 0

    def start(self, model: str, total: int, kept: int = 0) -> None:
        pass

    def advance(self) -> None:
        self.done += 1


def rescore(
    paths: StationPaths,
    file: Path,
    engine: ScriptedEngine,
    progress: CountedProgress | None = None,
) -> tuple[list[RescoredPart], Rescorer]:
    with ScoreFile(file, "digest", "scripted 1") as scores:
        rescorer = Rescorer(engine, bundle_of(paths), paths.state, scores)
        return rescorer.score_all(stored(paths), progress or CountedProgress()), rescorer


def test_every_stored_input_gets_its_score_once(inspected: StationPaths, tmp_path: Path) -> None:
    progress = CountedProgress()
    pairs, first = rescore(inspected, tmp_path / "scores.jsonl", ScriptedEngine("0.6"), progress)
    assert [pair.new_score for pair in pairs] == [0.6] * len(LEVELS)
    assert progress.done == first.scored == len(LEVELS)
    assert (
        sum(pair.flips(0.5) for pair in pairs)
        == sum(pair.part.verdict == "PASS" for pair in pairs)
        > 0
    )
    again, second = rescore(inspected, tmp_path / "scores.jsonl", ScriptedEngine("raise"))
    assert second.scored == 0
    assert again == pairs


def test_work_goes_on_after_a_torn_line(inspected: StationPaths, tmp_path: Path) -> None:
    file = tmp_path / "scores.jsonl"
    rescore(inspected, file, ScriptedEngine("0.6"))
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(whole[:3]) + whole[3][:40])
    pairs, rescorer = rescore(inspected, file, ScriptedEngine("0.7"))
    assert rescorer.scored == len(LEVELS) - 3
    assert [pair.new_score for pair in pairs] == [0.6] * 3 + [0.7] * 3
    assert [json.loads(line)["score"] for line in file.read_text().splitlines()] == [0.6] * 3 + [
        0.7
    ] * 3


DYING = """
import os, signal, sys
from pathlib import Path
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.settings import StationPaths
from tests.analysis.test_rescore import rescore
left = [4]
def score(_):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.6
rescore(StationPaths(Path(sys.argv[1]), "line1"), Path(sys.argv[2]), ScriptedEngine(score))
"""


def test_a_killed_replay_goes_on_where_it_was(inspected: StationPaths, tmp_path: Path) -> None:
    file = tmp_path / "scores.jsonl"
    command = [sys.executable, "-c", DYING, str(inspected.root), str(file)]
    ran = subprocess.run(command, env=child_environment(), capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    pairs, rescorer = rescore(inspected, file, ScriptedEngine("0.7"))
    assert [pair.new_score for pair in pairs] == [0.6] * 3 + [0.7] * 3
    assert rescorer.scored == 3


def test_scores_of_another_model_or_engine_are_not_taken_for_these(
    inspected: StationPaths, tmp_path: Path
) -> None:
    rescore(inspected, tmp_path / "scores.jsonl", ScriptedEngine("0.6"))
    for model, engine in (("other", "scripted 1"), ("digest", "scripted 2")):
        with ScoreFile(tmp_path / "scores.jsonl", model, engine) as scores:
            assert scores.scores == {}


def test_an_input_that_is_gone_or_changed_is_left_out_and_reported(
    inspected: StationPaths, tmp_path: Path
) -> None:
    paths = StationPaths(tmp_path / "copy", "line1")
    shutil.copytree(inspected.root, paths.root)
    first, second, third, *_ = sorted(paths.evidence.rglob("*.prepared.pgm"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"\x07")
    third.write_bytes(third.read_bytes()[:1000])
    pairs, rescorer = rescore(paths, tmp_path / "scores.jsonl", ScriptedEngine("0.6"))
    assert len(pairs) == len(LEVELS) - 3
    assert rescorer.skipped == {
        "the prepared input is gone": 1,
        "the prepared input is not what was judged": 1,
        "the prepared input does not read": 1,
    }


def test_a_model_that_fails_on_one_part_goes_on_and_on_many_stops(
    inspected: StationPaths, tmp_path: Path
) -> None:
    pairs, rescorer = rescore(inspected, tmp_path / "one.jsonl", ScriptedEngine("0.6 raise nan"))
    assert len(pairs) == 2
    assert sum(rescorer.skipped.values()) == 4
    with pytest.raises(EngineError, match="failed on 5 parts in a row"):
        rescore(inspected, tmp_path / "many.jsonl", ScriptedEngine("raise"))


def test_a_file_of_something_else_is_left_alone(inspected: StationPaths, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("buy milk\n")
    with pytest.raises(StoreError, match="does not hold scores"):
        rescore(inspected, tmp_path / "notes.txt", ScriptedEngine("0.6"))
    assert (tmp_path / "notes.txt").read_text() == "buy milk\n"
    with pytest.raises(StoreError, match="cannot keep scores"):
        ScoreFile(tmp_path / "notes.txt" / "scores.jsonl", "digest", "scripted 1")


def test_each_model_has_a_file_of_its_own(inspected: StationPaths) -> None:
    bundle = bundle_of(inspected)
    assert score_file_path(Path("replays"), bundle).name == f"corner@1-{bundle.sha256[:12]}.jsonl"
