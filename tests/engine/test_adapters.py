"""Bundles with a declared adapter: ordinary classifiers, scores alone, maps alone, on every
engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.patches import mean_of_highest
from qc_edge.engine import BACKENDS, Engine, load_engine
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError, ModelError
from qc_edge.settings import EngineSettings
from tests.adapted import (
    BLUE,
    CLASSES,
    GREEN,
    MEAN,
    RED,
    STD,
    classifier,
    map_only,
    network,
    plain,
    score_only,
)
from tests.engine.conftest import loaded_here

KINDS: dict[str, Callable[[Path], Bundle]] = {
    "classifier": classifier,
    "score only": score_only,
    "map only": map_only,
}
ONNX = EngineSettings(backend="onnx", threads=1)


@pytest.fixture(params=sorted(KINDS))
def adapted(request: pytest.FixtureRequest, tmp_path: Path) -> Bundle:
    """Each kind of bundle."""
    return KINDS[request.param](tmp_path / "colours/1")


@pytest.fixture(params=sorted(BACKENDS))
def engine_of(request: pytest.FixtureRequest) -> Iterator[Callable[[Bundle], Engine]]:
    """Each backend; closed at the end."""
    made: list[Engine] = []

    def load(bundle: Bundle) -> Engine:
        made.append(loaded_here(request.param, bundle))
        return made[-1]

    yield load
    for engine in made:
        engine.close()


def test_every_engine_scores_the_golden_frames_of_every_kind(
    adapted: Bundle, engine_of: Callable[[Bundle], Engine]
) -> None:
    engine = engine_of(adapted)
    self_test(engine, adapted)
    frames = np.concatenate([frame.prepared for frame in adapted.golden_frames])
    green, red, blue = engine.infer(frames)
    assert green.value < 0.1 < 0.9 < red.value
    assert (red.defect_map is None) == (adapted.manifest.outputs.defect_map is None)
    if adapted.manifest.adapter is not None and adapted.manifest.adapter.classes:
        assert (red.defect_class, blue.defect_class) == ("scratch", "pit")
        assert red.class_scores is not None
        assert tuple(red.class_scores) == CLASSES
        assert sum(red.class_scores.values()) == pytest.approx(1)
        assert red.value == pytest.approx(1 - red.class_scores["good"])
    else:
        assert red.class_scores is None


def test_every_engine_refuses_frames_that_are_prepared_for_another_model(
    adapted: Bundle, engine_of: Callable[[Bundle], Engine]
) -> None:
    with pytest.raises(EngineError, match=r"expected uint8 \(N, \d+, \d+, 3\)"):
        engine_of(adapted).infer(np.zeros((1, 512, 512), np.uint8))


def test_the_scores_are_those_that_were_worked_out_by_hand(tmp_path: Path) -> None:
    engine = load_engine(classifier(tmp_path / "colours/1"), ONNX)
    (score,) = engine.infer(plain(RED)[None])
    red, green, blue = (
        (value / 255 - mean) / std for value, mean, std in zip(RED, MEAN, STD, strict=True)
    )
    raised = [math.exp(2 * mean) for mean in (green, red, blue)]
    shares = [value / sum(raised) for value in raised]
    assert list((score.class_scores or {}).values()) == pytest.approx(shares, abs=1e-4)
    (score,) = load_engine(score_only(tmp_path / "red/1"), ONNX).infer(plain(RED)[None])
    assert score.value == pytest.approx(1 / (1 + math.exp(-3 * (red - green))), abs=1e-4)


@pytest.mark.parametrize(
    ("layout", "shape"), [("NCHW", (2, 3, 224, 224)), ("NHWC", (2, 224, 224, 3))]
)
def test_the_tensor_has_each_pixel_normalised_in_its_place(
    tmp_path: Path, layout: str, shape: tuple[int, ...]
) -> None:
    model = network(batch=1, layout=layout)
    bundle = classifier(tmp_path / "colours/1", model=model, adapter={"layout": layout})
    frames = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)
    tensor = Adapter(bundle).tensor(frames)
    assert tensor.shape == shape
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    expected = (frames / 255 - np.array(MEAN)) / np.array(STD)
    if layout == "NCHW":
        expected = expected.transpose(0, 3, 1, 2)
    assert np.allclose(tensor, expected, atol=1e-6, rtol=0)


def test_a_bundle_without_an_adapter_gets_the_very_bytes_that_were_prepared(bundle: Bundle) -> None:
    frame = bundle.golden_frames[0].prepared
    assert np.shares_memory(Adapter(bundle).tensor(frame), frame)


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        ([math.nan, 0, 0], "no finite numbers"),
        ([0.2, 0.2, 0.2], "add up to 0.6000, expected 1"),
        ([1.5, -0.5, 0.0], "class scores of -0.5 to 1.5, not 0..1"),
    ],
)
def test_class_scores_that_make_no_sense_give_no_score(
    tmp_path: Path, logits: list[float], words: str
) -> None:
    bundle = classifier(tmp_path / "colours/1", adapter={"activation": "none"}, class_scores=NONE)
    (score,) = Adapter(bundle).scores({"logits": np.array([logits], np.float32)})
    assert math.isnan(score.value)
    assert words in score.detail


NONE = dict.fromkeys(CLASSES, 0.0)


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf])
def test_patches_that_are_no_numbers_are_never_the_best_of_scores(value: float) -> None:
    patches = np.zeros(9)
    patches[:5] = -math.inf
    assert mean_of_highest(patches, 3) == 0.0
    patches[:] = value
    assert math.isnan(mean_of_highest(patches, 3))


PATCHES = {"score": "patches", "activation": "none", "classes": [], "good": []}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adapter": {"good": ["fine"]}}, "adapter.good: fine is none of the classes"),
        ({"adapter": {"good": []}}, "which of the classes are good"),
        ({"adapter": {"good": list(CLASSES)}}, "nothing would ever FAIL"),
        ({"adapter": {"classes": ["good", "pit", "pit"]}}, "pit stands there twice"),
        ({"adapter": {"layout": "NHW"}}, "rgb224 has three channels, expected NCHW or NHWC"),
        ({"adapter": {"mean": [0.1, 0.2]}}, "adapter.mean: 2 values for 3 channels"),
        ({"adapter": {"std": [0.0, 1, 1]}}, "greater than 0"),
        ({"adapter": {"activation": "sigmoid"}}, "a score of classes takes none or softmax"),
        ({"adapter": {"colour": True}}, "adapter.colour"),
        ({"adapter": {"top": 2}}, 'adapter.top: only with score = "patches"'),
        ({"adapter": PATCHES}, "adapter.patches: how many values outputs.score has"),
        ({"adapter": PATCHES | {"patches": 9, "top": 10}}, "adapter.top: 10 of 9 patches"),
        ({"adapter": PATCHES | {"patches": 9, "spread": 2}}, 'only with activation = "sigmoid"'),
        ({"input": {"preprocess": "rgb-big"}}, "'rgb-big' is no preprocessing"),
        ({"input": {"preprocess": "rgb224@00000000"}}, "the model learnt from @00000000"),
        ({"input": {"preprocess": "rgb224-roi"}}, "the region is a station's"),
        ({"input": {"shape": [256, 224]}}, r"rgb224 is \[224, 224\] .*not \[256, 224\]"),
        ({"input": {"dtype": "uint8"}}, 'need input.dtype = "float32"'),
        ({"outputs": {"defect_map": "map"}}, "defect_map and map_shape belong together"),
        ({"class_scores": {"good": 0.5}}, "scores of good for .*declares good, scratch, pit"),
    ],
    ids=str,
)
def test_a_manifest_that_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        classifier(tmp_path / "colours/1", **({"class_scores": NONE} | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"model": network(batch=1, classes=4)},
            r"output 'logits' is tensor\(float\) \[1, 4\], expected tensor\(float\) \[1, 3\]",
        ),
        (
            {"model": network(batch="N")},
            r"input 'input' is .*'N', 3, 224, 224\], expected tensor\(float\) \[1, 3, 224, 224\]",
        ),
        (
            {"model": network(batch=1, side=256)},
            r"input 'input' is .*\[1, 3, 256, 256\], expected",
        ),
        ({"outputs": {"score": "points"}}, "no output 'points', expected .*it has logits"),
        ({"input": {"name": "image"}}, "input 'input' is not in the manifest"),
    ],
    ids=["class count", "batch", "size", "output's name", "input's name"],
)
def test_a_model_that_is_not_as_declared_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    bundle = classifier(tmp_path / "colours/1", class_scores=NONE, **change)
    with pytest.raises(ModelError, match=words):
        load_engine(bundle, ONNX)


def test_golden_frames_whose_classes_move_are_refused(tmp_path: Path) -> None:
    bundle = classifier(tmp_path / "colours/1", class_scores={"good": 0.5, "scratch": 0, "pit": 0})
    with pytest.raises(ModelError, match="3 of 3 golden frames moved"):
        self_test(load_engine(bundle, ONNX), bundle)


def test_blue_is_bad_because_it_is_not_good(tmp_path: Path) -> None:
    bundle = classifier(tmp_path / "colours/1", adapter={"good": ["good", "pit"]})
    engine = load_engine(bundle, ONNX)
    assert engine.infer(plain(BLUE)[None])[0].value < 0.1
    assert engine.infer(plain(GREEN)[None])[0].value < 0.1
