"""Model files that must never judge, each with the words that the person who delivered it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.engine import load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError
from qc_edge.settings import EngineSettings

MANIFEST = """\
name = "small"
version = "1"
created = 2026-01-01
licence = "Apache-2.0"
description = "the mean of the frame"
[input]
name = "prepared"
shape = [8, 8]
dtype = "uint8"
preprocess = "none"
[outputs]
score = "score"
score_means = "mean level"
defect_map = "map"
map_shape = [8, 8]
[decision]
threshold = 0.5
review_band = 0.1
tolerance = 0.001
[training]
data = "none"
sha256 = "{nothing}"
[approved]
by = "tests"
at = 2026-01-01
[files]
"""


def network(weight: float = 1 / 255, side: int | str = 8, opset: int = 17) -> bytes:
    """An ONNX model: the map is the frame times `weight`, the score its mean."""
    nodes = [
        helper.make_node("Cast", ["prepared"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["level", "weight"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["score"], axes=[1, 2], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("prepared", TensorProto.UINT8, ["N", side, side])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", side, side]),
        ],
        [helper.make_tensor("weight", TensorProto.FLOAT, [], [weight])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def deliver(root: Path, model: bytes, expected: float = 128 / 255, golden: bool = True) -> Path:
    """A bundle around the model with one golden frame, all of it sealed."""
    files = {"model.onnx": model}
    frames = [{"file": "gray.png", "shows": "gray", "score": expected}] if golden else []
    files["golden/golden.json"] = json.dumps(
        {"engine": "onnx", "coarse": 1, "frames": frames}
    ).encode()
    files["golden/gray.png"] = cv2.imencode(".png", np.full((8, 8), 128, np.uint8))[1].tobytes()
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = MANIFEST.format(nothing=digests["model.onnx"])
    (root / "bundle.toml").write_text(
        text + "".join(f'"{name}" = "{digest}"\n' for name, digest in digests.items())
    )
    return root


def prove(directory: Path) -> Bundle:
    """As a station does: open, load, score the golden frames."""
    bundle = open_bundle(directory)
    engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1))
    try:
        self_test(engine, bundle)
    finally:
        engine.close()
    return bundle


def test_the_model_as_it_should_be_is_taken(tmp_path: Path) -> None:
    assert prove(deliver(tmp_path, network())).reference == "small@1"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: network()[:-60], "does not take"),
        (lambda: b"", "does not take"),
        (
            lambda: network(side=16),
            (
                r"input 'prepared' is tensor\(uint8\) \['N', 16, 16\], "
                r"expected tensor\(uint8\) \[N, 8, 8\]"
            ),
        ),
        (lambda: network(weight=float("nan")), "1 of 1 golden frames moved by more than 0.001"),
        (lambda: network(weight=1 / 250), "1 of 1 golden frames moved by more than 0.001"),
        (lambda: network(opset=999), "does not take"),
    ],
    ids=["truncated", "empty", "wrong shape", "NaN weights", "tolerance exceeded", "opset too new"],
)
def test_a_model_that_must_not_judge_is_refused(
    tmp_path: Path, model: Callable[[], bytes], words: str
) -> None:
    with pytest.raises(ModelError, match=words) as refusal:
        prove(deliver(tmp_path, model()))
    assert refusal.value.hint
    assert refusal.value.exit_code == 65


def test_nan_weights_show_as_nan_in_the_table(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gray\.png +0\.50196 +nan +nan +moved"):
        prove(deliver(tmp_path, network(weight=float("nan"))))


def test_an_opset_that_is_too_new_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"[Oo]pset") as refusal:
        prove(deliver(tmp_path, network(opset=999)))
    assert "newer ONNX Runtime" in refusal.value.hint


def test_a_manifest_with_a_wrong_digest_is_refused(tmp_path: Path) -> None:
    directory = deliver(tmp_path, network())
    (directory / "model.onnx").write_bytes(network(weight=1 / 256))
    with pytest.raises(
        ModelError, match=r"model\.onnx: sha256 [0-9a-f]{12}\.\.\., expected [0-9a-f]{12}"
    ):
        prove(directory)


def test_a_bundle_without_golden_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="at least 1 item"):
        prove(deliver(tmp_path, network(), golden=False))
