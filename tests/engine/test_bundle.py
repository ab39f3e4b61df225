"""A bundle is what was approved, or it is refused with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.bundles.bundle import Bundle, load_bundle, open_bundle
from qc_edge.engine import load_engine
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError
from qc_edge.settings import EngineSettings
from qc_edge.settings.paths import shipped
from qc_edge.vision.prepare import preprocess_id


def test_the_shipped_bundle_wants_what_the_station_prepares(bundle: Bundle) -> None:
    assert bundle.preprocess_id == preprocess_id()


def test_the_shipped_bundle_has_golden_frames_on_both_sides_of_its_threshold(
    bundle: Bundle,
) -> None:
    fails = {frame.score >= bundle.threshold for frame in bundle.golden_frames}
    assert fails == {True, False}


def test_a_bundle_of_the_station_stands_before_the_shipped_one(spoilt: Path) -> None:
    found = load_bundle("reference@1", [spoilt.parent.parent, shipped("models")])
    assert found.directory == spoilt


def test_a_bundle_is_opened_by_its_directory(spoilt: Path) -> None:
    assert load_bundle(str(spoilt), []).reference == "reference@1"


def test_an_unknown_bundle_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match="did you mean 'reference@1'") as refusal:
        load_bundle("refrence@1", [shipped("models")])
    assert "reference@1" in refusal.value.hint


def test_a_bundle_in_the_place_of_another_is_refused(spoilt: Path) -> None:
    moved = spoilt.rename(spoilt.parent / "2")
    with pytest.raises(ModelError, match=r"says it is reference@1, expected reference@2"):
        load_bundle("reference@2", [moved.parent.parent])


def _torn(directory: Path) -> None:
    model = directory / "model.onnx"
    model.write_bytes(model.read_bytes()[:-100])


def _edited(directory: Path) -> None:
    with (directory / "report.md").open("a") as report:
        report.write("even better\n")


def _without_a_golden_frame(directory: Path) -> None:
    next(directory.glob("golden/*.png")).unlink()


def _with_a_stranger(directory: Path) -> None:
    (directory / "extra.bin").write_bytes(b"x")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_torn, r"model\.onnx: sha256"),
        (_edited, r"report\.md: sha256"),
        (_without_a_golden_frame, r"golden/.*\.png: missing"),
        (_with_a_stranger, r"extra\.bin: not named"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(
    spoilt: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(spoilt)
    with pytest.raises(ModelError, match=says) as refusal:
        open_bundle(spoilt)
    assert "install the bundle again" in refusal.value.hint


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "threshold = ",
            "treshold = ",
            r"decision\.treshold: unknown key; did you mean 'threshold'",
        ),
        ("threshold = ", "threshold = 1", r"decision\.threshold: .* less than or equal to 1"),
        ('dtype = "uint8"', 'dtype = "int4"', r"input\.dtype: .*'uint8' or 'float32', got 'int4'"),
        ("[input]", "[input", r"not valid TOML"),
        ('"golden/golden.json"', '"../golden.json"', r"does not name 'golden/golden.json'"),
    ],
)
def test_a_manifest_that_was_edited_is_refused(spoilt: Path, old: str, new: str, says: str) -> None:
    manifest = spoilt / "bundle.toml"
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    with pytest.raises(ModelError, match=says):
        open_bundle(spoilt)


def test_a_bundle_without_golden_frames_is_refused(spoilt: Path) -> None:
    _rewrite_golden(spoilt, lambda golden: golden.update(frames=[]))
    with pytest.raises(ModelError, match="frames: Tuple should have at least 1 item"):
        open_bundle(spoilt)


def test_a_golden_score_that_moved_fails_the_self_test_with_a_table(spoilt: Path) -> None:
    def move(golden: dict[str, list[dict[str, float]]]) -> None:
        golden["frames"][1]["score"] += 0.01

    _rewrite_golden(spoilt, move)
    bundle = open_bundle(spoilt)
    engine = load_engine(bundle, EngineSettings(threads=1))
    with pytest.raises(
        ModelError, match=r"1 of 9 golden frames moved by more than 0\.001"
    ) as refusal:
        self_test(engine, bundle)
    rows = str(refusal.value).splitlines()
    assert [row.split()[-1] for row in rows if ".png" in row] == ["ok", "moved", *["ok"] * 7]


def test_a_score_that_is_no_number_fails_the_self_test(bundle: Bundle) -> None:
    with pytest.raises(ModelError, match="9 of 9 golden frames moved"):
        self_test(ScriptedEngine("nan"), bundle)


def test_a_model_that_is_not_what_its_manifest_says_is_refused_at_load(spoilt: Path) -> None:
    manifest = spoilt / "bundle.toml"
    manifest.write_text(
        manifest.read_text().replace("map_shape = [64, 64]", "map_shape = [32, 32]")
    )
    with pytest.raises(
        ModelError, match=r"output 'defect_map' is tensor\(float\) .*expected .*32, 32"
    ):
        load_engine(open_bundle(spoilt), EngineSettings())


def test_a_model_that_is_no_onnx_is_refused_at_load(spoilt: Path) -> None:
    (spoilt / "model.onnx").write_bytes(b"\x08\x00 not a model")
    _reseal(spoilt, "model.onnx")
    with pytest.raises(ModelError, match=r"ONNX Runtime .* does not take"):
        load_engine(open_bundle(spoilt), EngineSettings())


def _rewrite_golden(directory: Path, change: Callable[..., None]) -> None:
    path = directory / "golden/golden.json"
    golden = json.loads(path.read_text())
    change(golden)
    path.write_text(json.dumps(golden))
    _reseal(directory, "golden/golden.json")


def _reseal(directory: Path, name: str) -> None:
    manifest = directory / "bundle.toml"
    digest = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    lines = manifest.read_text().splitlines()
    manifest.write_text(
        "\n".join(f'"{name}" = "{digest}"' if f'"{name}"' in x else x for x in lines)
    )
