"""`qc-edge evaluate`: figures that can be worked out by hand, and what they are worth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qc_edge.domain.reporting.binomial import exact_interval
from qc_edge.errors import QcEdgeError, UsageError
from qc_edge.training import metrics
from qc_edge.training.baseline import Baseline
from qc_edge.training.grouped_share import grouped_share
from qc_edge.training.pointing import pointing
from tests.adapted import GREEN, RED, classifier, map_only, part, score_only
from tests.cli.runner import invoke
from tests.training.pictures import coloured, put, scored


def evaluate(*arguments: str | Path) -> dict[str, Any]:
    """`qc-edge evaluate --json`; what it said, or the fault that it raised."""
    result = invoke("evaluate", *arguments, "--json")
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_two_models_on_the_same_pictures(tmp_path: Path) -> None:
    data = coloured(tmp_path / "data")
    all_colours = classifier(tmp_path / "b/colours/1").directory
    only_red = score_only(tmp_path / "b/red/1").directory
    page = tmp_path / "report.html"
    told = evaluate(only_red, data, "--against", all_colours, "--report", page)
    red, colours = told["bundle"]["figures"], told["against"]["figures"]
    assert (red["good"], red["bad"], red["groups"]) == (6, 12, 6)
    assert colours["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    by_class = {each["name"]: each for each in red["classes"]}
    assert by_class["scratch"]["escapes"]["count"] == 0
    assert by_class["pit"]["escapes"]["count"] == 6, "red alone does not tell blue"
    assert told["gain"]["value"] == pytest.approx(red["auc"]["value"] - 1.0)
    shares = red["escapes"]
    assert shares["of"] == 12 and shares["low"] <= shares["share"] <= shares["high"]
    assert any("only 6 groups" in note for note in told["notes"])
    assert any("alone gives" in note for note in told["notes"]), "the baseline is told in words"
    written = page.read_text()
    assert "the worst mistakes" in written and "ROC AUC" in written and 'src="http' not in written


def test_mistakes_are_pictured_and_escapes_cost(tmp_path: Path) -> None:
    data = coloured(tmp_path / "data", each=3, groups=3)
    bundle = classifier(tmp_path / "b/colours/1").directory
    page = tmp_path / "report.html"
    told = evaluate(bundle, data, "--threshold", "1", "--report", page)
    figures = told["bundle"]["figures"]
    assert figures["escapes"]["count"] == 6 and figures["overkill"]["count"] == 0
    assert page.read_text().count("<figure>") == 6
    (tenfold,) = [each for each in figures["costs"] if each["ratio"] == 10]
    assert (tenfold["escapes"], tenfold["overkill"]) == (0, 0)
    assert tenfold["cost_at_threshold"] == pytest.approx(10 * 6 / 9 * 1000)


def test_the_map_points_at_the_defect_or_it_is_said(tmp_path: Path) -> None:
    for number in range(4):
        picture = part(GREEN, number)
        put(tmp_path / f"data/good/{number}.png", picture)
        y = 8 + 20 * number
        picture[y : y + 12, 60:72] = RED
        put(tmp_path / f"data/pit/{number}.png", picture)
        mask = np.zeros((96, 96, 3), np.uint8)
        mask[y : y + 12, 60:72] = 255
        if number == 3:  # somebody has marked the wrong place
            mask = mask[:, ::-1]
        put(tmp_path / f"data/pit/{number}.mask.png", mask)
    told = evaluate(map_only(tmp_path / "b/map/1").directory, tmp_path / "data")
    found = told["bundle"]["figures"]["pointing"]
    assert (found["hits"]["count"], found["hits"]["of"]) == (3, 4)
    assert 0.05 < found["chance"] < 0.3 and found["missed"] == ["pit/3.png"]
    assert any(note.startswith("the peak of the map is on") for note in told["notes"])


def test_nothing_is_said_where_nothing_can_be(tmp_path: Path) -> None:
    data = coloured(tmp_path / "data", each=2)
    for path in (data / "good").iterdir():
        path.unlink()
    bundle = classifier(tmp_path / "b/colours/1").directory
    with pytest.raises(UsageError, match="0 good and 4 bad") as fault:
        evaluate(bundle, data)
    assert "2 the picture does not read" in fault.value.message
    with pytest.raises(UsageError, match="no labelled picture in val"):
        evaluate(bundle, data, "--split", "val")
    data.rename(data.with_name("train"))
    (tmp_path / "train/index.csv").unlink()
    with pytest.raises(UsageError, match="no test part"):
        evaluate(bundle, tmp_path)


def test_a_model_that_may_be_no_better_than_the_light_is_said_to_be_so() -> None:
    assert Baseline("contrast", 0.7, metrics.Estimate(0.1, 0.0, 0.2)).is_no_worse
    assert Baseline("contrast", 0.7, metrics.Estimate(0.0, None, None)).is_no_worse
    assert not Baseline("contrast", 0.7, metrics.Estimate(0.1, 0.01, 0.2)).is_no_worse


def test_a_small_defect_is_a_defect_on_the_map(tmp_path: Path) -> None:
    mask = np.zeros((256, 256, 3), np.uint8)
    mask[70, 200] = 255
    put(tmp_path / "mask.png", mask)
    plane = np.zeros((4, 4), np.float32)
    plane[1, 3] = 1.0
    found = pointing([scored("a", 0.9, "defect", mask=tmp_path / "mask.png", defect_map=plane)])
    assert found is not None and (found.hits.count, found.chance) == (1, 1 / 16)


def test_the_area_under_the_curve_counts_pairs() -> None:
    chance = np.random.default_rng(1)
    scores = np.round(chance.random(60), 1)  # many ties
    bad = chance.random(60) < 0.4
    pairs = [
        1.0 if one > other else 0.5 if one == other else 0.0
        for one in scores[bad]
        for other in scores[~bad]
    ]
    assert metrics.auc(scores, bad) == pytest.approx(np.mean(pairs))
    _, alarms, caught = metrics.roc(scores, bad)
    area = np.trapezoid(np.append(0, caught), np.append(0, alarms))
    assert area == pytest.approx(np.mean(pairs))
    assert math.isnan(metrics.auc(scores, np.zeros(60, bool)))


def test_precision_recall_and_alarms_by_hand() -> None:
    scores, bad = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False])
    assert metrics.average_precision(scores, bad) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert metrics.alarms_at_recall(scores, bad, 1.0) == (0.6, 0.5)
    assert metrics.alarms_at_recall(scores, bad, 0.3) == (0.9, 0.0)
    bins, error = metrics.reliability(np.array([0.05, 0.05, 0.95]), np.array([False, True, True]))
    assert [(each.count, each.bad_share) for each in bins] == [(2, 0.5), (1, 1.0)]
    assert error == pytest.approx((2 * 0.45 + 0.05) / 3)


def test_an_interval_over_groups_is_wider_than_one_over_pictures() -> None:
    chance = np.random.default_rng(3)
    part_of = np.repeat(np.arange(12), 10)
    bad = part_of % 2 == 0
    scores = 0.5 + 0.2 * bad + 0.3 * chance.standard_normal(12)[part_of]  # a part's own offset

    def width(names: list[str]) -> float:
        found = metrics.bootstrap(
            metrics.grouped(names), lambda at: metrics.auc(scores[at], bad[at])
        )
        assert found.low is not None and found.high is not None
        return found.high - found.low

    by_group = width([str(part) for part in part_of])
    assert by_group > 2 * width([str(number) for number in range(120)])
    wrong = part_of == 3
    pictures = grouped_share(wrong, [str(number) for number in range(120)])
    parts = grouped_share(wrong, [str(part) for part in part_of])
    assert pictures.interval == exact_interval(10, 120), "each is a group of its own"
    assert pictures.interval and parts.interval and parts.interval[1] > pictures.interval[1]
    none = grouped_share([False] * 120, [str(part) for part in part_of])
    assert none.interval == exact_interval(0, 12), "twelve parts say no more than that"
    alone = metrics.bootstrap(metrics.grouped(["a"] * 120), lambda _: 0.7)
    assert alone.low is None
