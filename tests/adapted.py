"""Bundles with a declared adapter, made in a moment: small models that tell parts by their colour.

What they must say of a picture can be worked out by hand: the network takes the mean of each
channel.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.engine import load_engine
from qc_edge.settings import EngineSettings

RGB = npt.NDArray[np.uint8]

GREEN, RED, BLUE = (40, 200, 60), (210, 50, 40), (50, 60, 200)
"""Colours of parts, in RGB: good, a scratch, a pit."""

CLASSES = ("good", "scratch", "pit")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = {"scale": 1 / 255, "mean": MEAN, "std": STD}

_HEAD = """\
name = "{name}"
version = "{version}"
created = 2026-01-01
licence = "Apache-2.0"
description = "tells parts by their colour"
"""
_TAIL = """\
[decision]
threshold = 0.5
review_band = 0.1
tolerance = 0.001
[training]
data = "none"
sha256 = "{digest}"
[approved]
by = "tests"
at = 2026-01-01
[files]
"""


def network(
    kind: str = "classes",
    batch: int | str = "N",
    side: int = 224,
    extra: bool = False,
    classes: int = 3,
    layout: str = "NCHW",
) -> bytes:
    """An ordinary ONNX model of a float32 input.

    `classes` gives logits of the classes by the channels' means; `value` one logit, high where red
    outweighs green; `map` the red channel above the green one, in 1/16 of the side. `extra` adds an
    output of features that nobody asks for.
    """
    shape = [batch, 3, side, side] if layout == "NCHW" else [batch, side, side, 3]
    nodes = []
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", ["input"], ["planes"], perm=[0, 3, 1, 2]))
    planes = "input" if layout == "NCHW" else "planes"
    weights: list[Any] = []
    if kind == "map":
        nodes += [
            helper.make_node("Conv", [planes, "mix"], ["one"], kernel_shape=[1, 1]),
            helper.make_node("MaxPool", ["one"], ["map"], kernel_shape=[16, 16], strides=[16, 16]),
        ]
        weights.append(helper.make_tensor("mix", TensorProto.FLOAT, [1, 3, 1, 1], [4, -4, 0]))
        cells = side // 16
        outputs = [("map", [batch, 1, cells, cells])]
    else:
        matrix = np.eye(classes, 3)[:, [1, 0, 2]] * 2
        if kind == "value":
            matrix = np.array([[3.0, -3.0, 0.0]])
        nodes += [
            helper.make_node("GlobalAveragePool", [planes], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
            helper.make_node("Gemm", ["features", "matrix"], ["logits"], transB=1),
        ]
        weights.append(
            helper.make_tensor(
                "matrix", TensorProto.FLOAT, matrix.shape, matrix.astype(np.float32).ravel()
            )
        )
        outputs = [("logits", [batch, len(matrix)])]
    if extra:
        outputs.append(("features", [batch, 3]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, of) for name, of in outputs],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data


def plain(colour: Sequence[int], side: int = 224) -> RGB:
    """A prepared picture of one colour."""
    return np.full((side, side, 3), colour, np.uint8)


def part(colour: Sequence[int], seed: int = 0, side: int = 96) -> RGB:
    """A sharp picture of a part of that colour as a camera may give it, RGB."""
    noise = np.random.default_rng(seed).integers(-40, 40, (side, side, 1))
    picture = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    picture[0, :2] = (0, 0, 0), (255, 255, 255)
    return picture


def classifier(directory: Path, **change: Any) -> Bundle:
    """An ordinary classifier of [1, 3, 224, 224], as it is exported for ImageNet.

    `change` has a key of the sections `input`, `outputs` and `adapter`, and `model`.
    """
    adapter = {
        "layout": "NCHW",
        "batch": 1,
        **IMAGENET,
        "score": "classes",
        "activation": "softmax",
        "classes": CLASSES,
        "good": ["good"],
    }
    return deliver(
        directory,
        change.get("model", network(batch=1)),
        {"preprocess": "rgb224", **change.get("input", {})},
        {"score": "logits", "score_means": "not good", **change.get("outputs", {})},
        adapter | change.get("adapter", {}),
        change.get("class_scores"),
    )


def score_only(directory: Path, **change: Any) -> Bundle:
    """A model that gives one logit and no map, and features that are not asked for."""
    adapter = {"layout": "NCHW", **IMAGENET, "score": "value", "activation": "sigmoid"}
    return deliver(
        directory,
        change.get("model", network("value", extra=True)),
        {"preprocess": "rgb224"},
        {"score": "logits", "score_means": "red"},
        adapter | change.get("adapter", {}),
    )


def map_only(directory: Path, **change: Any) -> Bundle:
    """A model that gives a map and no score."""
    return deliver(
        directory,
        change.get("model", network("map", side=64, layout="NHWC")),
        {"preprocess": "rgb64", "shape": [64, 64]},
        {"score_means": "the map's maximum", "defect_map": "map", "map_shape": [4, 4]},
        {"layout": "NHWC", "scale": 1 / 255, "score": "map", "activation": "sigmoid"},
    )


def deliver(
    directory: Path,
    model: bytes,
    taken: Mapping[str, Any],
    given: Mapping[str, Any],
    adapter: Mapping[str, Any],
    class_scores: Mapping[str, float] | None = None,
) -> Bundle:
    """The bundle in `directory` (NAME/VERSION), its golden frames scored by ONNX Runtime."""
    sections = {
        "input": {"name": "input", "shape": [224, 224], "dtype": "float32", **taken},
        "outputs": given,
        "adapter": adapter,
    }
    side = sections["input"]["shape"][0]
    colours = {"green.png": GREEN, "red.png": RED, "blue.png": BLUE}
    frames = {name: plain(colour, side) for name, colour in colours.items()}
    classes = adapter.get("classes", ()) if class_scores is None else class_scores
    guess = {"score": 0.5, "class_scores": dict.fromkeys(classes, 0.5)}
    _write(directory, model, sections, frames, dict.fromkeys(frames, guess))
    if class_scores is None:
        bundle = open_bundle(directory)
        engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1))
        scores = [engine.infer(frame.prepared)[0] for frame in bundle.golden_frames]
        engine.close()
        expected = {
            name: {"score": score.value, "class_scores": dict(score.class_scores or {})}
            for name, score in zip(frames, scores, strict=True)
        }
        _write(directory, model, sections, frames, expected)
    return open_bundle(directory)


def _write(
    directory: Path,
    model: bytes,
    sections: Mapping[str, Mapping[str, Any]],
    frames: Mapping[str, RGB],
    expected: Mapping[str, Mapping[str, Any]],
) -> None:
    golden = [{"file": name, "shows": name[:-4], **expected[name]} for name in frames]
    files = {
        "model.onnx": model,
        "golden/golden.json": json.dumps(
            {"engine": "onnx", "coarse": 1, "frames": golden}
        ).encode(),
    }
    for name, frame in frames.items():
        files[f"golden/{name}"] = cv2.imencode(".png", frame[..., ::-1])[1].tobytes()
    for name, data in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = _HEAD.format(name=directory.parent.name, version=directory.name)
    for section, values in sections.items():
        text += f"[{section}]\n"
        text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    text += _TAIL.format(digest=digests["model.onnx"])
    text += "".join(f'"{name}" = "{digest}"\n' for name, digest in digests.items())
    (directory / "bundle.toml").write_text(text)
