"""What a training takes and refuses, before anything is learnt: rules on small datasets."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.manifest import decode, encode
from qc_edge.dataset.reading import Dataset
from qc_edge.errors import UsageError
from qc_edge.training.learning.folds import grouped_folds, half_of
from qc_edge.training.learning.fusion import fit_fusion
from qc_edge.training.learning.pictures import learning_pictures, proposed_size
from qc_edge.training.learning.request import TrainRequest, chosen_items, parse_size
from qc_edge.training.learning.training import train
from qc_edge.training.metrics import auc
from tests.training.rendered_dataset import Quiet, write_dataset


def dataset(good: int, bad: int, groups: int = 6, split: str | None = None) -> Dataset:
    items = [
        DatasetItem(f"{n}", Path(f"{n}.png"), truth, truth, split=split, group=f"g{n % groups}")
        for n, truth in enumerate(["good"] * good + ["defect"] * bad)
    ]
    return Dataset(Path("november"), "folders", items, None, "")


def put(path: Path, pixels: npt.NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dataset(0, 30), "has no good part to learn from"),
        (dataset(3, 2), "3 good and 2 bad pictures to learn from, expected at least 10 good"),
        (dataset(20, 3), "5 bad ones or none"),
        (dataset(20, 10, groups=1), "all pictures are of 1 part or group"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_words(given: Dataset, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        chosen_items(given)


def test_bad_parts_of_one_group_cannot_be_held_out() -> None:
    given = dataset(20, 10)
    items = [replace(i, group="x") if i.truth == "defect" else i for i in given.items]
    with pytest.raises(UsageError, match="all 10 bad pictures are of one part or group"):
        chosen_items(replace(given, items=items))


def test_the_test_part_is_never_learnt_from_and_good_parts_alone_are_enough() -> None:
    given = dataset(20, 10)
    items = [replace(i, split="test") if i.truth == "defect" else i for i in given.items]
    chosen = chosen_items(replace(given, items=items))
    assert chosen.only_good and {item.truth for item in chosen.items} == {"good"}
    assert "10 pictures of the test part are not looked at" in chosen.notes


def test_a_group_is_in_one_fold_and_the_folds_are_the_same_each_time() -> None:
    units = [f"g{n % 13}" for n in range(200)]
    bad = np.arange(200) % 13 < 4
    folds = grouped_folds(units, bad, 3, 1)
    assert all(
        len({int(f) for f, u in zip(folds, units, strict=True) if u == unit}) == 1
        for unit in set(units)
    )
    assert np.array_equal(folds, grouped_folds(units, bad, 3, 1))
    counts = [int(bad[folds == fold].sum()) for fold in range(3)]
    assert min(counts) > 0 and sum(counts) == int(bad.sum())
    kept = half_of(units, np.flatnonzero(folds != 0), 1)
    assert {units[n] for n in kept} < {u for u, f in zip(units, folds, strict=True) if f != 0}


def test_a_score_means_what_it_says_once_it_is_fused() -> None:
    chance = np.random.default_rng(0)
    bad = chance.random(4000) < 0.3
    head = 5 * chance.normal(size=4000) + 8 * bad
    probe = chance.normal(size=4000) + bad
    fusion = fit_fusion(head, probe, bad)
    scores = fusion.scores(head, probe)
    assert auc(scores, bad) > max(auc(head, bad), auc(probe, bad))
    near = np.abs(scores - 0.5) < 0.1
    assert abs(bad[near].mean() - 0.5) < 0.1


def test_a_score_is_never_turned_round_by_a_few_pictures_that_say_the_reverse() -> None:
    bad = np.arange(30) % 3 == 0
    fusion = fit_fusion(-5.0 * bad, -1.0 * bad, bad)
    low, high = fusion.scores(np.array([-1.0, 1.0]), np.array([-1.0, 1.0]))
    assert low < high


def test_pictures_at_odds_are_left_out_and_masks_of_another_size_are_refused(
    tmp_path: Path,
) -> None:
    grey = np.tile(np.arange(96, dtype=np.uint8), (64, 1))
    deep = put(tmp_path / "deep.png", (grey.astype(np.uint16) * 256))
    colour = put(tmp_path / "colour.png", np.dstack([grey] * 3))
    items = [
        DatasetItem("a", put(tmp_path / "a.png", grey), "good", "good"),
        DatasetItem("b", put(tmp_path / "b.png", grey), "defect", "pit"),
        DatasetItem("deep", deep, "good", "good"),
        DatasetItem("colour", colour, "good", "good"),
        DatasetItem("gone", tmp_path / "gone.png", "good", "good"),
    ]
    found = learning_pictures(items, (64, 96), lambda: None)
    assert [each.item.name for each in found.pictures] == ["colour", "deep"]
    assert {each.pixels.shape for each in found.pictures} == {(64, 96)}
    assert {each.pixels.dtype for each in found.pictures} == {np.dtype(np.uint8)}
    told = " ".join(found.notes)
    assert "2 pictures are left out: the same pixels are labelled both good and defect" in told
    assert "1 pictures are left out" in told and "in colour" in told
    mask = put(tmp_path / "mask.png", grey[:32])
    odd = DatasetItem("odd", items[0].image, "defect", "pit", mask=mask)
    with pytest.raises(UsageError, match="odd \\(96 x 32, the picture 96 x 64\\)"):
        learning_pictures([odd], (64, 96), lambda: None)


def test_a_small_mark_is_kept_on_the_grid(tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[20, 40] = 255
    item = DatasetItem("a", put(tmp_path / "a.png", mask), "defect", "pit", mask=tmp_path / "a.png")
    (found,) = learning_pictures([item], (64, 96), lambda: None).pictures
    assert found.marks is not None and found.marks.shape == (4, 6)
    assert np.flatnonzero(found.marks).tolist() == [6 + 2]


def test_the_input_has_the_form_of_long_pictures(tmp_path: Path) -> None:
    def items(*shapes: tuple[int, int]) -> list[DatasetItem]:
        return [
            DatasetItem(f"{n}", put(tmp_path / f"{n}.png", np.zeros(shape, np.uint8)), "good", "")
            for n, shape in enumerate(shapes)
        ]

    assert proposed_size(items((100, 245), (101, 246))) == (224, 544)
    assert proposed_size(items((300, 250), (250, 250))) == (256, 256)
    assert proposed_size(items((100, 250), (250, 100))) == (256, 256)
    assert parse_size("544x224") == (224, 544)
    with pytest.raises(UsageError, match="multiples of 32"):
        parse_size("100")


def test_a_dataset_that_was_changed_since_its_manifest_is_not_learnt_from(tmp_path: Path) -> None:
    given = dataset(20, 10)
    items = [
        replace(item, image=put(tmp_path / item.image, np.full((8, 8), n, np.uint8)))
        for n, item in enumerate(given.items)
    ]
    (tmp_path / "samples.jsonl").touch()
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": 1}
        for path in tmp_path.iterdir()
    }
    about = {"kind": "folder", "station": "line1", "software": "1", "query": {}, "classes": []}
    text = encode({**about, "samples": 30, "left_out": [], "files": files})
    whole = replace(
        given, directory=tmp_path, items=items, manifest=decode(text.encode(), "manifest.json")
    )
    assert len(chosen_items(whole).items) == 30
    put(items[3].image, np.zeros((9, 9), np.uint8))
    items[7].image.unlink()
    with pytest.raises(UsageError, match=r"2 files of .* are not as its manifest says: 3\.png, 7"):
        chosen_items(whole)


def test_without_pytorch_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    given = write_dataset(tmp_path / "parts", range(12), range(100, 106))
    request = TrainRequest(given, tmp_path / "out", "flange", "1", "anna")
    with pytest.raises(UsageError, match="torch is missing") as fault:
        train(request, Quiet())
    assert "pip install 'qc-edge[train]'" in fault.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../flange"}, "is no name of a bundle"),
        ({"version": "4/5"}, "is no version of a bundle"),
        ({"by": " "}, "--by is empty"),
        ({"key": Path("no.pem")}, "cannot read the key no.pem"),
    ],
)
def test_what_the_bundle_would_be_refused_for_is_said_before_the_training(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    request = replace(TrainRequest(tmp_path / "none", tmp_path, "flange", "1", "anna"), **change)
    with pytest.raises(UsageError, match=words):
        train(request, Quiet())
