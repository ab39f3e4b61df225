"""`qc-edge dataset check`: what is wrong with a dataset is said, ours or not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from qc_edge.bundles.bundle import load_bundle
from qc_edge.dataset.reading import open_dataset
from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.training.scoring import PreparedItem, prepared_for
from tests.cli.runner import invoke
from tests.dataset.conftest import CORNER, pixels
from tests.station.harness import NAME


def picture(seed: int, side: int = 64) -> np.ndarray[Any, Any]:
    """A texture that no other seed has."""
    return np.random.default_rng(seed).integers(0, 255, (side, side), np.uint8)


def put(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def good_and_bad(directory: Path, goods: int = 3, bads: int = 2) -> Path:
    for number in range(goods):
        put(directory / f"good/{number}.png", picture(number))
    for number in range(bads):
        put(directory / f"pit/{number}.png", picture(100 + number))
    return directory


def check(directory: Path) -> dict[str, str]:
    """The findings by their code, with a sentence; the exit code is held against them."""
    result = invoke("dataset", "check", directory, "--json")
    if isinstance(result.exception, UsageError):
        raise result.exception
    told = json.loads(result.stdout)
    faults = [each for each in told["findings"] if each["fault"]]
    assert result.exit_code == (1 if faults else 0) == (not told["fit"])
    return {each["code"]: f"{each['words']}: {each['names']}" for each in told["findings"]}


def test_our_own_export_is_fit_until_it_is_changed(judged: StationPaths, tmp_path: Path) -> None:
    own = tmp_path / "own"
    invoke("dataset", "export", NAME, own, "--root", judged.root)
    assert check(own) == {"few": check(own)["few"]}
    shown = invoke("dataset", "check", own).stdout
    assert "fit to learn from" in shown and "few pictures: 6 good, 6 defect" in shown
    # What the station has prepared is what a model is judged by, where it takes such inputs.
    item = open_dataset(own).items[0]
    prepared = prepared_for(load_bundle("reference@1", [shipped("models")]), item)
    assert isinstance(prepared, PreparedItem) and item.prepared is not None
    assert np.array_equal(prepared.pixels, pixels(item.prepared))
    first, second, *_ = sorted(own.glob("images/**/*.png"))
    first.write_bytes(second.read_bytes())
    second.unlink()
    put(own / "images/train/good/new.png", picture(1))
    found = check(own)
    assert first.name in found["changed"] and second.name in found["missing"]
    assert "new.png" in found["added"] and second.stem in found["unreadable"]


def test_folders_of_others(tmp_path: Path) -> None:
    found = check(good_and_bad(tmp_path / "plain"))
    assert set(found) == {"few", "no_parts"}
    assert "3 good, 2 defect" in found["few"]
    shutil.rmtree(tmp_path / "plain/pit")
    assert (
        "all 3 labelled pictures are good, none is defect" in check(tmp_path / "plain")["one_class"]
    )


def test_labels_that_contradict_and_copies_in_two_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        good_and_bad(tmp_path / "d" / split)
    for path in (tmp_path / "d/test").rglob("*.png"):
        put(path, picture(int(path.stem) + (500 if path.parent.name == "pit" else 300)))
    put(tmp_path / "d/train/pit/x.png", picture(0))  # the same as train/good/0.png
    nearly = picture(1).astype(np.int16) + np.random.default_rng(7).integers(-3, 4, (64, 64))
    put(tmp_path / "d/test/good/again.png", np.clip(nearly, 0, 255).astype(np.uint8))
    found = check(tmp_path / "d")
    assert "train/good/0.png = train/pit/x.png" in found["contradicting"]
    assert "test/good/again.png = train/good/1.png" in found["alike_in_two_splits"]
    assert "0.png" not in found["alike_in_two_splits"]


def test_an_index_with_groups_and_masks(tmp_path: Path) -> None:
    good_and_bad(tmp_path)
    put(tmp_path / "m/0.png", CORNER[:64, :64])
    put(tmp_path / "m/1.png", CORNER)
    lines = ["file,label,defect_class,group,mask,split"]
    lines += ["good/0.png,good,,a,m/0.png,train", "good/1.png,good,,a,,test"]
    lines += ["pit/0.png,defect,pit,a,m/0.png,test", "pit/1.png,defect,pit,a,m/1.png,test"]
    (tmp_path / "index.csv").write_text("\n".join(lines))
    found = check(tmp_path)
    assert "pit/1.png (96 x 96, the picture 64 x 64)" in found["mask_size"]
    assert "good/0.png" in found["mask_of_good"]
    assert "one_part" in found and "['a']" in found["group_in_two_splits"]


def test_sixteen_bits_colour_and_torn_files_are_named(tmp_path: Path) -> None:
    good_and_bad(tmp_path)
    put(tmp_path / "good/deep.png", picture(8).astype(np.uint16) * 200)
    put(tmp_path / "pit/colour.jpg", np.dstack([picture(n, 50) for n in range(3)]))
    (tmp_path / "pit/torn.png").write_bytes(b"\x89PNG\r\n\x1a\n12")
    found = check(tmp_path)
    assert "deep.png" in found["deep"] and "colour.jpg" in found["mixed_colour"]
    assert "torn.png" in found["unreadable"] and "2 sizes" in found["sizes"]


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no picture"):
        check(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 9}')
    with pytest.raises(UsageError, match="is no manifest"):
        check(tmp_path)
