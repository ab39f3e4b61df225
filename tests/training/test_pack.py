"""`qc-edge model pack`: ordinary models become bundles that a station takes, bad ones do not."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.dataset.reading import pictures_in
from qc_edge.engine import load_engine, tensorrt_variants
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError, QcEdgeError, UsageError
from qc_edge.settings import EngineSettings
from qc_edge.training.choosing import propose_threshold
from tests.adapted import BLUE, GREEN, RED, network, part
from tests.cli.runner import invoke
from tests.training.pictures import coloured, put, scored


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good/, and bad/scratch and bad/pit: the two kinds differ in colour alone."""
    directory = tmp_path_factory.mktemp("samples")
    for number in range(3):
        put(directory / f"good/{number}.png", part(GREEN, number))
        put(directory / f"bad/scratch/{number}.png", part(RED, 100 + number))
        put(directory / f"bad/pit/{number}.png", part(BLUE, 200 + number))
    return directory


def pack(samples: Path, model: bytes, out: Path, *options: str | Path) -> dict[str, Any]:
    """`qc-edge model pack --json`; what it said, or the fault that it raised."""
    file = out / "model.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model)
    where: list[str | Path] = [
        "--good",
        samples / "good",
        "--bad",
        samples / "bad",
        "--out",
        out / "bundles",
    ]
    result = invoke(
        *("model", "pack", file, *where, "--name", "colour@2", "--by", "anna", "--json"),
        *("--compile-for", "none", *options),
    )
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def proven(directory: Path) -> Bundle:
    """The bundle, once an engine that was loaded anew has passed its self-test."""
    bundle = open_bundle(directory)
    engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1))
    self_test(engine, bundle)
    engine.close()
    return bundle


def test_an_ordinary_classifier_becomes_a_signed_bundle_that_is_evaluated(
    samples: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    invoke("model", "keygen", key)
    told = pack(samples, network(batch=1), tmp_path, "--normalise", "imagenet", "--key", key)
    bundle = proven(Path(told["directory"]))
    assert bundle.directory == tmp_path / "bundles/colour/2"
    adapter = bundle.manifest.adapter
    assert adapter is not None and bundle.manifest.input.preprocess == "rgb224"
    assert (adapter.layout, adapter.batch, adapter.activation) == ("NCHW", 1, "softmax")
    assert adapter.good == ("good",) and adapter.classes[0] == "good"
    assert any("output 0 is good" in word for word in told["found"])
    assert told["signed_by"].startswith("ed25519:") and (bundle.directory / "bundle.sig").exists()
    figures = told["report"]["bundle"]["figures"]
    assert figures["auc"]["value"] == 1.0
    assert (figures["escapes"]["count"], figures["overkill"]["count"]) == (0, 0)
    assert figures["escapes"]["high"] > 0.2, "no escape of six is not none at all"
    scores = {frame.shows.split(",")[0]: frame.score for frame in bundle.golden_frames}
    assert scores["good"] < bundle.threshold < min(scores["scratch"], scores["pit"])
    again = invoke("evaluate", bundle.directory, coloured(tmp_path / "new"), "--json")
    found = json.loads(again.stdout)["bundle"]["figures"]
    # Three of its good ones are samples: their groups are left out as a whole.
    assert (found["good"], found["bad"], found["groups"]) == (3, 6, 3)
    with pytest.raises(UsageError, match="9 were used to make the bundle"):
        raise_of("evaluate", bundle.directory, folders(samples, tmp_path))


def folders(samples: Path, tmp_path: Path) -> Path:
    """The very samples as a dataset."""
    for kind in ("good", "bad/scratch", "bad/pit"):
        (tmp_path / "same").mkdir(exist_ok=True)
        (tmp_path / "same" / Path(kind).name).symlink_to(samples / kind)
    lines = ["file,label"]
    for folder in sorted((tmp_path / "same").iterdir()):
        label = "good" if folder.name == "good" else "defect"
        lines += [f"{folder.name}/{file.name},{label}" for file in folder.iterdir()]
    (tmp_path / "same/index.csv").write_text("\n".join(lines))
    return tmp_path / "same"


def raise_of(*arguments: str | Path) -> None:
    result = invoke(*arguments)
    assert result.exception is not None
    raise result.exception


def test_a_threshold_is_rounded_only_where_no_sample_turns_over() -> None:
    items = [scored("a", 0.10000011, "good"), scored("b", 0.10000013, "defect")]
    threshold, _ = propose_threshold(items, 1.0)
    assert 0.10000011 < threshold <= 0.10000013
    items = [scored("a", 0.1234567, "good"), scored("b", 0.2, "defect")]
    assert propose_threshold(items, 1.0)[0] == 0.161728


def test_pictures_of_one_name_in_two_folders_are_two_samples(tmp_path: Path) -> None:
    for number, folder in enumerate(("monday", "tuesday")):
        put(tmp_path / folder / "0.png", part(GREEN, number))
    found = pictures_in([tmp_path / "monday", tmp_path / "tuesday"], "good")
    assert [item.name for item in found] == ["good/0.png", "good-2/0.png"]


def test_a_map_model_and_a_score_model(red: Path, tmp_path: Path) -> None:
    model = network("map", side=64, layout="NHWC")
    told = pack(red, model, tmp_path / "map", "--normalise", "unit")
    bundle = proven(Path(told["directory"]))
    assert bundle.manifest.adapter is not None
    assert bundle.manifest.adapter.score == "map" and bundle.manifest.outputs.score is None
    assert bundle.manifest.outputs.map_shape == (4, 4)
    assert bundle.golden_frames[0].map_coarse.shape == (4, 4)
    model = network("value", extra=True)
    options = ("--normalise", "imagenet", "--adapter", "score")
    bundle = proven(Path(pack(red, model, tmp_path / "value", *options)["directory"]))
    assert bundle.manifest.outputs.score == "logits"


def patches(rows: bool = False, sign: float = 1.0) -> bytes:
    """A map of 4 x 4 distances (red over green, some hundreds) or, in `rows`, one after another."""
    model = onnx.load_model_from_string(network("map", side=64, layout="NHWC"))
    (mix,) = model.graph.initializer
    values = numpy_helper.to_array(mix) * np.float32(100 * sign)
    mix.CopyFrom(numpy_helper.from_array(values, mix.name))
    if rows:
        model.graph.node.append(onnx.helper.make_node("Flatten", ["map"], ["patches"]))
        (output,) = model.graph.output
        output.CopyFrom(
            onnx.helper.make_tensor_value_info("patches", onnx.TensorProto.FLOAT, ["N", 16])
        )
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def red(samples: Path, tmp_path: Path) -> Path:
    """The samples without pits: blue is nothing to a model that looks for red."""
    (tmp_path / "red").mkdir()
    (tmp_path / "red/good").symlink_to(samples / "good")
    (tmp_path / "red/bad").symlink_to(samples / "bad/scratch")
    return tmp_path / "red"


@pytest.mark.parametrize("rows", [False, True])
def test_scores_of_patches_of_any_scale_become_one_score(
    red: Path, tmp_path: Path, rows: bool
) -> None:
    options = ("--normalise", "unit", "--adapter", "patches")
    told = pack(red, patches(rows), tmp_path, *options)
    bundle = proven(Path(told["directory"]))
    adapter = bundle.manifest.adapter
    assert adapter is not None and (adapter.score, adapter.top) == ("patches", 1)
    assert adapter.patches == (16 if rows else None)
    assert bundle.manifest.outputs.map_shape == (None if rows else (4, 4))
    # Distances are from about -250 to 250: half way between good and bad is as likely as not.
    assert -100 < adapter.midpoint < 100 and adapter.activation == "sigmoid"
    scores = [frame.score for frame in bundle.golden_frames]
    assert 0.0 < min(scores) < 0.3 < 0.7 < max(scores) < 1.0
    assert told["report"]["bundle"]["figures"]["auc"]["value"] == 1.0
    assert any("mean of the 1 highest of 16 patches" in word for word in told["found"])


def test_scores_of_patches_that_tell_nothing_get_their_reason(red: Path, tmp_path: Path) -> None:
    options = ("--normalise", "unit", "--adapter", "patches")
    with pytest.raises(ModelError, match="scores good samples higher than bad ones"):
        pack(red, patches(sign=-1.0), tmp_path, *options)
    with pytest.raises(ModelError, match="gives no numbers that differ for any of the samples"):
        pack(red, patches(sign=float("nan")), tmp_path, *options)
    with pytest.raises(ModelError, match="can be read as scores of patches: logits"):
        pack(red, network(), tmp_path, *options)
    with pytest.raises(UsageError, match="--top 17: expected 1 to 16"):
        pack(red, patches(), tmp_path, *options, "--top", "17")
    with pytest.raises(UsageError, match="--top 2: expected --adapter patches"):
        pack(red, network(), tmp_path, "--top", "2")


def test_tensorrt_compiles_it_ahead_and_where_it_is_not_the_report_says_so(
    red: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--normalise", "unit", "--adapter", "patches", "--top", "2", "--compile-for")
    if util.find_spec("tensorrt_rtx") is not None:
        told = pack(red, patches(), tmp_path / "here", *options, "sm89")
        assert any("compiles it: sm89 in" in word for word in told["found"])
        with pytest.raises(UsageError, match="does not compile for 'sm1'"):
            pack(red, patches(), tmp_path / "other", *options, "sm1")
    monkeypatch.setattr(tensorrt_variants.RTX.__class__, "module", lambda _: None)
    told = pack(red, patches(), tmp_path / "none", *options, "sm86,sm89")
    (words,) = [note for note in told["report"]["notes"] if "TensorRT" in note]
    assert "whether a GPU takes it is not known" in words
    assert f"qc-edge engine build {told['directory']} --for sm86,sm89" in words


def test_what_the_samples_do_not_decide_is_asked_for(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="do not tell how the model's input is normalised"):
        pack(samples, network(batch=1), tmp_path)
    with pytest.raises(UsageError, match="several outputs that could be the score"):
        pack(samples, network("value", extra=True), tmp_path)
    with pytest.raises(UsageError, match="names 2, the model's output has 3"):
        pack(samples, network(), tmp_path, "--classes", "a,b")
    with pytest.raises(UsageError, match="is none of the classes"):
        options = ("--classes", "a,b,c", "--good-class", "d", "--normalise", "unit")
        pack(samples, network(), tmp_path, *options)
    assert not list((tmp_path / "bundles").rglob("*.toml")), "nothing half is left"


def broken(kind: str) -> bytes:
    """A model that no station takes."""
    if kind == "torn":
        return network()[:200]
    if kind == "four at once":
        return network(batch=4)
    model = onnx.load_model_from_string(network())
    if kind == "no fixed size":
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "H"
    if kind == "NaN":
        weights = model.graph.initializer[0]
        values = numpy_helper.to_array(weights) * np.nan
        weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    if kind == "upside down":
        weights = model.graph.initializer[0]
        weights.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(weights), weights.name))
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("torn", "does not take"),
        ("four at once", "takes 4 frames at once"),
        ("no fixed size", "has no fixed size"),
        ("NaN", "gives no scores in 0..1"),
        ("upside down", "scores good samples higher than bad ones"),
    ],
)
def test_a_bad_model_gets_its_reason(samples: Path, tmp_path: Path, kind: str, words: str) -> None:
    options = ("--normalise", "imagenet", "--classes", "good,scratch,pit")
    with pytest.raises(ModelError, match=words):
        pack(samples, broken(kind), tmp_path, *options)
    assert not (tmp_path / "bundles/colour/2").exists()


def test_a_version_never_changes_and_samples_are_needed(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "bundles/colour/2").mkdir(parents=True)
    with pytest.raises(UsageError, match="a version never changes"):
        pack(samples, network(), tmp_path)
    (tmp_path / "good").mkdir()
    with pytest.raises(UsageError, match="there is no picture in"):
        pack(tmp_path, network(), tmp_path)
