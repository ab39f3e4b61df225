"""A station with an ordinary classifier in colour: rows, evidence, and all that asks them later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import duckdb
import numpy as np
import pytest

from qc_edge.domain.inspection import Inspection
from qc_edge.query.typed_rows import read_inspections
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.vision.prepare import named_parameters, prepare, preprocess_id
from tests.adapted import BLUE, GREEN, RED, RGB, classifier, map_only, part, score_only
from tests.cli.runner import invoke
from tests.station.harness import NAME, configure, make_station, running

PARTS = [(GREEN, "PASS", None), (RED, "FAIL", "scratch"), (BLUE, "FAIL", "pit")] * 2
ENGINE = {"backend": "onnx", "threads": 1}


def pictures(directory: Path) -> list[RGB]:
    """The parts as colour PNG files, in the order in which a folder camera shows them."""
    directory.mkdir()
    shown = [part(colour, seed) for seed, (colour, *_) in enumerate(PARTS)]
    for number, picture in enumerate(shown):
        assert cv2.imwrite(str(directory / f"{number}.png"), picture[..., ::-1])
    return shown


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[StationPaths, list[RGB]]:
    """A station whose folder camera has shown colour pictures to a classifier of [1, 3, 224, 224],
    with a model of a score alone as its shadow; not to be changed.
    """
    root = tmp_path_factory.mktemp("colours")
    shown = pictures(root / "pictures")
    camera = {"name": "top", "backend": "folder", "images": root / "pictures", "rate_hz": 20.0}
    paths = make_station(root, camera)
    classifier(paths.models / "parts/1")
    score_only(paths.models / "red/1")
    configure(
        paths,
        camera | {"repeated_frames": True},
        model={"bundle": "parts@1"},
        shadow={"bundle": "red@1"},
        engine=ENGINE,
    )
    with running(paths, Dependencies()) as station:
        station.wait_until_inspected(len(PARTS))
        station.wait_for(
            lambda: station.status.shadow and station.status.shadow.scored >= len(PARTS), "scored"
        )
    return paths, shown


@pytest.fixture(scope="module")
def rows(past: tuple[StationPaths, list[RGB]]) -> list[Inspection]:
    """The rows of the first round of the pictures."""
    return read_inspections(past[0].database)[: len(PARTS)]


def said(*arguments: str | Path, paths: StationPaths) -> Any:
    """What a command says with --json."""
    result = invoke(*arguments, "--json", "--root", paths.root)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_rows_have_all_class_scores_and_the_class_of_a_fail(rows: list[Inspection]) -> None:
    for row, (_, verdict, predicted) in zip(rows, PARTS, strict=True):
        scores = json.loads(row.class_scores or "{}")
        assert list(scores) == ["good", "scratch", "pit"]
        assert row.score == pytest.approx(1 - scores["good"])
        assert (row.verdict, row.predicted_class) == (verdict, predicted)
        assert row.map_path is None
        assert row.pixel_format == "RGB8"
    assert f"most likely scratch ({json.loads(rows[1].class_scores or '')['scratch']:.4f})" in (
        rows[1].detail
    )


def test_the_evidence_is_the_colour_that_the_model_saw(
    past: tuple[StationPaths, list[RGB]], rows: list[Inspection]
) -> None:
    paths, shown = past
    parameters = named_parameters("rgb224")
    for row, picture in zip(rows, shown, strict=True):
        assert row.preprocess_id == preprocess_id(parameters)
        assert row.prepared_path is not None
        kept = cv2.imread(str(paths.state / row.prepared_path))
        assert row.prepared_path.endswith(".prepared.ppm")
        assert kept is not None
        assert np.array_equal(kept[..., ::-1], prepare(picture, parameters))


def test_plain_sql_reads_a_class_score(past: tuple[StationPaths, list[RGB]]) -> None:
    query = "SELECT predicted_class, min((class_scores ->> 'pit')::DOUBLE) FROM {} GROUP BY ALL"
    with duckdb.connect(str(past[0].database), read_only=True) as log:
        found = dict(log.execute(query.format("inspections")).fetchall())
    assert found["pit"] > 0.9 > 0.1 > found["scratch"]
    with duckdb.connect(str(past[0].qa), read_only=True) as published:
        assert dict(published.execute(query.format("inspections_raw")).fetchall()) == found


def test_verify_makes_the_prepared_inputs_again(past: tuple[StationPaths, list[RGB]]) -> None:
    result = invoke("verify", NAME, "--root", past[0].root)
    assert result.exit_code == 0, result.output


def test_the_report_says_that_there_is_no_map(
    past: tuple[StationPaths, list[RGB]], rows: list[Inspection], tmp_path: Path
) -> None:
    file = tmp_path / "part.html"
    result = invoke("part", NAME, rows[1].part_id, "--root", past[0].root, "--report", file)
    assert result.exit_code == 0, result.output
    text = file.read_text()
    assert "the model gives no map" in text
    assert "scratch" in text
    assert "asked again, gives the score of the row" in text


def test_the_past_can_be_replayed(past: tuple[StationPaths, list[RGB]], tmp_path: Path) -> None:
    paths, _ = past
    again = said("replay", NAME, "--threshold", "0.5", paths=paths)
    assert again["verdicts"]["FAIL"]["before"] == again["verdicts"]["FAIL"]["after"] > 0
    other = said("replay", NAME, "--bundle", "red@1", "--results", tmp_path / "r", paths=paths)
    red = [row for row in read_inspections(paths.database) if row.predicted_class == "scratch"]
    assert other["verdicts"]["FAIL"]["after"] == len(red)
    left_out = invoke("replay", NAME, "--bundle", "reference@1", "--root", paths.root)
    assert "the model takes another size" in left_out.output


def test_the_shadow_has_scored_the_same_frames(
    past: tuple[StationPaths, list[RGB]], rows: list[Inspection]
) -> None:
    with duckdb.connect(str(past[0].database), read_only=True) as log:
        found = log.execute("SELECT frame_id, verdict FROM shadow_scores").fetchall()
    verdicts = dict(found)
    assert [verdicts[row.frame_id] for row in rows] == ["PASS", "FAIL", "PASS"] * 2


def test_a_file_is_inspected_and_prepared_as_on_the_station(
    past: tuple[StationPaths, list[RGB]], rows: list[Inspection], tmp_path: Path
) -> None:
    paths, shown = past
    file = paths.root / "pictures/1.png"
    (one,) = said("inspect", file, "--station", NAME, paths=paths)["files"]
    assert (one["verdict"], one["predicted_class"]) == ("FAIL", "scratch")
    assert one["prepared_sha256"] == rows[1].prepared_sha256
    assert one["class_scores"] == json.loads(rows[1].class_scores or "")
    out = tmp_path / "shown.png"
    prepared = said("prepare", file, "--station", NAME, "--out", out, paths=paths)
    assert prepared["prepared_sha256"] == rows[1].prepared_sha256
    kept = cv2.imread(str(out))
    assert kept is not None
    assert np.array_equal(kept[..., ::-1], prepare(shown[1], named_parameters("rgb224")))


def test_a_threshold_of_a_classifier_can_be_set(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    classifier(paths.models / "parts/1")
    map_only(paths.models / "map/1")
    configure(paths, model={"bundle": "parts@1"}, engine=ENGINE, shadow={"bundle": "reference@1"})
    changed = ("--by", "anna", "--reason", "one escape", "--yes", "--root", tmp_path)
    assert invoke("threshold", NAME, "set", "0.999", *changed).exit_code == 0
    with running(paths, Dependencies()) as station:
        for number in range(6):
            data = cv2.imencode(".png", part(RED, number)[..., ::-1])[1].tobytes()
            (paths.incoming / f".{number}").write_bytes(data)
            (paths.incoming / f".{number}").rename(paths.incoming / f"{number}.png")
        station.wait_until_inspected(6)
        stopped = station.wait_for_status(
            lambda status: status.shadow and status.shadow.state.startswith("stopped"),
            "a shadow that takes other frames is given up",
        )
        assert stopped.shadow is not None
        assert "takes frames prepared by gray512-minmax@dade6084" in stopped.shadow.state
        assert "this is by rgb224@" in stopped.shadow.state
        activated = ("--by", "anna", "--reason", "a map", "--root", tmp_path)
        assert invoke("model", "activate", NAME, "map@1", *activated).exit_code == 0
        station.wait_for(
            lambda: station.status.model and "map@1" in station.status.model, "it judges"
        )
        (paths.incoming / ".7").write_bytes(data)
        (paths.incoming / ".7").rename(paths.incoming / "7.png")
        station.wait_until_inspected(7)
    *before, last = read_inspections(paths.database)
    assert {(row.verdict, row.predicted_class, row.threshold) for row in before} == {
        ("PASS", None, 0.999)
    }
    assert (last.verdict, last.class_scores) == ("FAIL", None)
    assert last.preprocess_id.startswith("rgb64@")
    assert last.map_path is not None
    assert invoke("verify", NAME, "--root", tmp_path).exit_code == 0
