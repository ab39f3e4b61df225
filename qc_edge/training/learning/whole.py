"""The whole score as one ONNX: gray pixels in; out come the score in 0..1 and the map of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qc_edge.training.learning.backbone import Weights, add_backbone, tap_shapes
from qc_edge.training.learning.features import add_statistics
from qc_edge.training.learning.fusion import Fusion
from qc_edge.training.learning.graph import Graph
from qc_edge.training.learning.head import HeadWeights
from qc_edge.training.learning.logistic import ProbeWeights
from qc_edge.training.learning.memory import PatchMemory, add_memory

SCORE, MAP = "score", "defect_map"


def whole_model(
    size: tuple[int, int],
    weights: Weights,
    head: HeadWeights,
    probe: ProbeWeights,
    fusion: Fusion,
) -> bytes:
    """Features, head, probe, fusion and calibration."""
    graph = Graph()
    taps = add_backbone(graph, weights, size)
    plane = _head(graph, taps, head, size)
    highest = graph.add("ReduceMax", [plane], axes=[1, 2, 3], keepdims=0)
    statistics = add_statistics(graph, taps)
    matrix = graph.constant(probe.weights[:, None])
    odds = graph.add("Gemm", [statistics, matrix, graph.constant([probe.bias])])
    odds = graph.add("Reshape", [odds, graph.constant([1], np.int64)])
    halves = [
        _scaled(graph, highest, fusion.head_mean, fusion.head_deviation),
        _scaled(graph, odds, fusion.probe_mean, fusion.probe_deviation),
    ]
    mean = graph.add("Mul", [graph.add("Add", halves), graph.constant([0.5])])
    _calibrated(graph, mean, fusion, SCORE)
    cells = _scaled(graph, plane, fusion.head_mean, fusion.head_deviation)
    _calibrated(graph, cells, fusion, MAP)
    return graph.model(size, _outputs(size))


def memory_model(size: tuple[int, int], weights: Weights, memory: PatchMemory) -> bytes:
    """Features, distances to what good parts look like, calibration."""
    graph = Graph()
    taps = add_backbone(graph, weights, size)
    add_memory(graph, taps, memory, size, (SCORE, MAP))
    return graph.model(size, _outputs(size))


def _head(graph: Graph, taps: Sequence[str], head: HeadWeights, size: tuple[int, int]) -> str:
    shape, hidden = tap_shapes(size)[1], len(head.bias)
    halved: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    mean = graph.add("AveragePool", [taps[0]], **halved)
    highest = graph.add("MaxPool", [taps[0]], **halved)
    joined = graph.add("Concat", [mean, highest, taps[1]], axis=1)
    mixer = np.concatenate([head.mixers[0], head.mixers[3], head.mixers[1]], axis=1)
    form = graph.convolution(joined, mixer[:, :, None, None], head.bias)
    nothing = np.zeros(hidden, np.float32)
    shown = graph.convolution(taps[2], head.mixers[2][:, :, None, None], nothing)
    sizes = graph.constant([1, hidden, shape.height, shape.width], np.int64)
    enlarged = graph.add(
        "Resize",
        [shown, "", "", sizes],
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    rectified = graph.add("Relu", [graph.add("Add", [form, enlarged])])
    out_bias = np.array([head.out_bias], np.float32)
    return graph.convolution(rectified, head.out[None, :, None, None], out_bias)


def _scaled(graph: Graph, values: str, mean: float, deviation: float) -> str:
    return graph.add(
        "Div", [graph.add("Sub", [values, graph.constant([mean])]), graph.constant([deviation])]
    )


def _calibrated(graph: Graph, values: str, fusion: Fusion, name: str) -> str:
    steep = graph.add("Mul", [values, graph.constant([fusion.slope])])
    return graph.add(
        "Sigmoid", [graph.add("Add", [steep, graph.constant([fusion.shift])])], name=name
    )


def _outputs(size: tuple[int, int]) -> list[tuple[str, Sequence[int]]]:
    shape = tap_shapes(size)[1]
    return [(SCORE, (1,)), (MAP, (1, 1, shape.height, shape.width))]
