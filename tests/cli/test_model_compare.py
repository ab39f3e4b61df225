"""`qc-edge model compare`: real models on what a station kept and on files, and refusals with a
hint.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qc_edge.bundles.bundle import load_bundle, open_bundle
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Label
from qc_edge.errors import BusyError, ModelError, QcEdgeError, StoreError, UsageError
from qc_edge.rendered import render
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.vision.image import pixels_sha256
from tests.adapted import classifier
from tests.analysis.conftest import opened
from tests.cli.runner import invoke, run
from tests.cli.test_threshold import SET, change
from tests.station.harness import NAME, drop, inspect_all, make_station, part, running

LEVELS = (20, 60, 100, 140, 180, 220)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station that has kept six prepared inputs; not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("kept"))
    for level in LEVELS:
        drop(paths, f"{level:03d}.png", part(level, seed=level))
    inspect_all(paths)
    return paths


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model as another bundle, which PASSes nearly everything."""
    return another(tmp_path_factory.mktemp("candidate") / "bundle", threshold="1.0")


def another(directory: Path, **decision: str) -> Path:
    shutil.copytree(shipped("models") / "reference/1", directory)
    manifest = directory / "bundle.toml"
    lines = manifest.read_text().replace('version = "1"', 'version = "7"').splitlines()
    for name, value in decision.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in lines]
    manifest.write_text("\n".join(lines) + "\n")
    return directory


def compare(*arguments: str | Path) -> Any:
    """With --json; what it said, or the fault that it raised."""
    result = invoke("model", "compare", *arguments, "--json")
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    return json.loads(result.stdout)


def of(paths: StationPaths) -> tuple[str | Path, ...]:
    return ("--station", NAME, "--database", "--root", paths.root)


def test_the_same_model_twice_moves_nothing_and_its_threshold_flips(
    station: StationPaths, candidate: Path
) -> None:
    said = compare("reference@1:onnx", candidate, *of(station))
    assert (said["a"]["bundle"], said["b"]["bundle"]) == ("reference@1", "reference@7")
    assert said["inputs"] == said["moves"]["unmoved"] == len(LEVELS)
    own = said["verdicts"]["each its own"]
    assert own["fail_to_pass"] == len(said["flips"]) > 0
    assert (own["pass_to_fail"], own["both_pass"]) == (
        0,
        len(LEVELS) - len(said["flips"]) - own["both_fail"],
    )
    assert said["verdicts"]["both A's 0.5"]["fail_to_pass"] == 0
    assert said["a"]["engine"]["reason"].startswith("onnx: the settings name it")


def test_two_engines_of_one_model_are_told_apart(station: StationPaths, tmp_path: Path) -> None:
    plot, scores = tmp_path / "moves.html", tmp_path / "scores.csv"
    ran = run(
        "model",
        "compare",
        "reference@1:onnx",
        "reference@1:scripted",
        *of(station),
        "--plot",
        plot,
        "--csv",
        scores,
        "--limit",
        "1",
    )
    assert ran.returncode == 0, ran.stderr
    assert "scoring with reference@1:scripted" in ran.stderr
    for words in (
        "onnx-cpu",
        "scripted 1",
        "further than the bundle's tolerance of 0.001",
        "largest moves",
    ):
        assert words in ran.stdout
    rows = list(csv.DictReader(scores.read_text().splitlines()))
    assert [row["part_id"] for row in rows] == [str(number) for number in range(1, 7)]
    # the twin says these of whatever it is shown
    assert [float(row["score_b"]) for row in rows[:5]] == [0.02, 0.03, 0.05, 0.02, 0.97]
    assert "<circle" in plot.read_text()


def test_a_sample_is_even_over_the_time(station: StationPaths) -> None:
    said = compare("reference@1", "reference@1", *of(station), "--sample", "3")
    assert said["inputs"] == 3
    assert said["a"]["scored"] == 3


def test_images_of_a_directory_are_prepared_as_the_bundle_wants_them(tmp_path: Path) -> None:
    import cv2

    for seed in range(3):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), render(seed).pixels)
    (tmp_path / "3.png").write_bytes(b"no image")
    said = compare("reference@1", "reference@1:scripted", "--on", tmp_path)
    inspected = json.loads(invoke("inspect", tmp_path, "--json").stdout)["files"]
    scores = {
        Path(each["file"]).name: each["score"] for each in inspected if each["score"] is not None
    }
    assert {each["input"]: each["score_a"] for each in said["largest"]} == scores
    assert said["a"]["skipped"] == {"not_an_image": 1}


def test_labels_and_the_threshold_in_force_count(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    change(paths, "set", "0.9", *SET)
    drop(paths, "one.png", part(200))
    inspect_all(paths)
    with opened(paths, "database") as history:
        (stored,) = [each for portion in history.stored() for each in portion]
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit(
        [
            Label(
                FrameId("29990101T000000000000Z-labels"),
                utc_now(),
                NAME,
                FrameId(stored.frame_id),
                stored.part_id,
                "good",
                None,
                "anna",
                None,
            )
        ],
        utc_now(),
    )
    ledger.close()
    said = compare("corner@1:scripted", "reference@1", *of(paths), "--threshold", "0.01")
    assert (said["a"]["threshold"], said["a"]["threshold_from"]) == (0.01, "given")
    assert said["rights"]["labelled"] == 1
    said = compare("corner@1:scripted", "reference@1", *of(paths))
    assert said["a"]["threshold"] == 0.9
    assert said["a"]["threshold_from"] != said["b"]["threshold_from"] == "reference@1"
    assert said["notes"][0].startswith("prepared for one of them only")


def test_a_missing_or_changed_input_is_reported(station: StationPaths, tmp_path: Path) -> None:
    paths = StationPaths(tmp_path / "copy", NAME)
    shutil.copytree(station.root, paths.root)
    first, second, *_ = sorted(paths.evidence.rglob("*.prepared.pgm"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"\x07")
    said = compare("reference@1", "reference@1", *of(paths))
    assert said["inputs"] == len(LEVELS) - 2
    assert said["b"]["skipped"] == {
        "the prepared input is gone": 1,
        "the prepared input is not what was judged": 1,
    }
    for file in paths.evidence.rglob("*.prepared.pgm"):
        file.unlink()
    with pytest.raises(
        UsageError, match=r"no input could be scored by both: .* 6 the prepared input is gone"
    ):
        compare("reference@1", "reference@1", *of(paths))


def test_a_model_whose_golden_frames_moved_is_compared_all_the_same(
    station: StationPaths, tmp_path: Path
) -> None:
    directory = another(tmp_path / "moved")
    golden = directory / "golden/golden.json"
    values = json.loads(golden.read_text())
    values["frames"][0]["score"] += 0.5
    golden.write_text(json.dumps(values))
    manifest = directory / "bundle.toml"
    before = open_bundle(shipped("models") / "reference/1").manifest.files["golden/golden.json"]
    after = hashlib.sha256(golden.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(before, after))
    said = compare("reference@1", directory, *of(station))
    assert said["inputs"] == len(LEVELS)
    assert "1 of 9 golden frames moved by more than 0.001" in said["notes"][0]


def test_a_running_station_is_read_from_what_it_publishes(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as process:
        drop(paths, "good.png", part())
        process.wait_until_inspected(1)
        with pytest.raises(BusyError, match="is running"):
            compare("reference@1", "reference@1", *of(paths))
        question = ("reference@1", "reference@1", "--station", NAME, "--root", paths.root)

        def published() -> Any:
            try:
                return compare(*question)
            except UsageError:
                return None

        said = process.wait_for(published, "it is published", 30)
    assert said["inputs"] == 1


@pytest.mark.parametrize(
    ("arguments", "fault", "words", "hint"),
    [
        (("reference@1", "reference@1"), UsageError, "needs to know whose inputs", "--on DIR"),
        (
            ("reference@1:onx", "reference@1"),
            UsageError,
            "no engine 'onx'; did you mean 'onnx'",
            "scripted",
        ),
        (("reference@1", "refrence@1"), ModelError, "did you mean 'reference@1'", "reference@1"),
        (
            ("reference@1", "/nowhere/at-all"),
            ModelError,
            "/nowhere/at-all/bundle.toml does not exist",
            "",
        ),
        (
            ("reference@1", "reference@1", "--on", "/nowhere"),
            UsageError,
            "cannot list /nowhere",
            "",
        ),
        (
            ("reference@1", "reference@1", "--plot", "x.gif"),
            UsageError,
            "its kind is unknown",
            ".svg",
        ),
        (
            ("reference@1", "reference@1", "--csv", "/nowhere/x.csv"),
            StoreError,
            "is no directory",
            "",
        ),
        (("reference@1", "reference@1", "--threshold", "2"), UsageError, "outside 0..1", ""),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_a_hint(
    arguments: tuple[str, ...], fault: type[QcEdgeError], words: str, hint: str
) -> None:
    with pytest.raises(fault, match=words) as refused:
        compare(*arguments)
    assert hint in refused.value.hint


def test_the_inputs_of_another_size_are_left_out(station: StationPaths, tmp_path: Path) -> None:
    from qc_edge.analysis.comparison.inputs import stored_inputs
    from qc_edge.domain.history import Selection

    first, *_ = stored_inputs(station, Selection(), database=True)
    whole = first.load(load_bundle("reference@1", [shipped("models")]))
    assert not isinstance(whole, str)
    assert len(pixels_sha256(whole)) == 64
    assert first.load(classifier(tmp_path / "parts/1")) == "the model takes another size"
