"""What good parts look like, patch by patch: a score where there is no bad part to learn from yet.

A cell is as far off as the nearest patch of a good part. K. Roth and others, Towards total recall
in industrial anomaly detection, 2022, without its search: a station has only good parts at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_edge.training.learning.backbone import tap_shapes
from qc_edge.training.learning.features import Features
from qc_edge.training.learning.graph import Graph

_MOST = 2000
"""Patches that are kept: a station compares each cell with all of them."""

_DRAWN = 20_000
_SURE = 0.99
"""Of good parts that were not learnt from score below the threshold."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PatchMemory:
    """`patches` [patch, channel] of standardised features; a distance of `usual` (the median of
    good parts) scores 0.02, one of `far` 0.5.
    """

    mean: Floats
    deviation: Floats
    patches: Floats
    usual: float = 0.0
    far: float = 1.0

    @property
    def slope(self) -> float:
        """Of the calibration."""
        return 3.9 / max(self.far - self.usual, 1e-6)

    def distances(self, features: Features, at: Sequence[int]) -> Floats:
        """Of the cells of pictures [picture, height, width] to the nearest patch."""
        found = []
        weights = (self.patches**2).sum(axis=1)
        for each in at:
            cells = (_patches(features, each, 0) - self.mean) / self.deviation
            squares = (cells**2).sum(axis=1)[:, None] - 2 * cells @ self.patches.T + weights
            shape = features.shapes[1]
            nearest = np.sqrt(np.maximum(squares.min(axis=1), 0.0))
            found.append(nearest.reshape(shape.height, shape.width))
        return np.stack(found)

    def scores(self, distances: Floats) -> Floats:
        """0..1, of distances."""
        steep = np.clip(self.slope * (distances - self.far), -60, 60)
        return np.asarray(1.0 / (1.0 + np.exp(-steep)), np.float32)


def learn_memory(features: Features, learnt: npt.NDArray[np.int64], seed: int) -> PatchMemory:
    """From good parts in all orientations; not calibrated yet."""
    chance = np.random.default_rng(seed)
    each = max(1, _DRAWN // (4 * len(learnt)))
    drawn = []
    for at in learnt.tolist():
        for flip in range(features.statistics.shape[1]):
            cells = _patches(features, at, flip)
            drawn.append(cells[chance.integers(0, len(cells), each)])
    patches = np.concatenate(drawn)
    mean = patches.mean(axis=0)
    deviation = np.maximum(patches.std(axis=0), 1e-3)
    standard = (patches - mean) / deviation
    kept = _spread(standard, min(_MOST, len(standard)), chance)
    return PatchMemory(mean, deviation, standard[kept])


def calibrated(memory: PatchMemory, highest: npt.NDArray[np.float32]) -> PatchMemory:
    """By the highest distances in good parts that were not learnt from."""
    usual, far = (float(value) for value in np.quantile(highest, [0.5, _SURE]))
    return PatchMemory(memory.mean, memory.deviation, memory.patches, usual, far)


def add_memory(
    graph: Graph,
    taps: Sequence[str],
    memory: PatchMemory,
    size: tuple[int, int],
    names: tuple[str, str],
) -> None:
    """The nodes for score and map."""
    shape = tap_shapes(size)[1]
    fine = graph.add("AveragePool", [taps[0]], kernel_shape=[2, 2], strides=[2, 2])
    joined = graph.add("Concat", [fine, taps[1]], axis=1)
    flat = graph.constant([len(memory.mean), shape.height * shape.width], np.int64)
    cells = graph.add("Transpose", [graph.add("Reshape", [joined, flat])], perm=[1, 0])
    centred = graph.add("Sub", [cells, graph.constant(memory.mean[None])])
    cells = graph.add("Div", [centred, graph.constant(memory.deviation[None])])
    own = graph.add("ReduceSum", [graph.add("Mul", [cells, cells]), graph.constant([1], np.int64)])
    products = graph.add("MatMul", [cells, graph.constant(-2.0 * memory.patches.T)])
    far = graph.add("Add", [products, graph.constant((memory.patches**2).sum(axis=1)[None])])
    nearest = graph.add("ReduceMin", [far], axes=[1], keepdims=1)
    squares = graph.add("Relu", [graph.add("Add", [nearest, own])])
    plane = graph.add(
        "Reshape",
        [
            graph.add("Sqrt", [squares]),
            graph.constant([1, 1, shape.height, shape.width], np.int64),
        ],
    )
    moved = graph.add("Sub", [plane, graph.constant([memory.far])])
    graph.add("Sigmoid", [graph.add("Mul", [moved, graph.constant([memory.slope])])], names[1])
    graph.add("ReduceMax", [names[1]], names[0], axes=[1, 2, 3], keepdims=0)


def _patches(features: Features, at: int, flip: int) -> Floats:
    """The cells of a picture [cell, channel]: fine texture averaged over the cell, and form."""
    fine = features.taps[0][at, flip].astype(np.float32)
    coarse = features.taps[1][at, flip].astype(np.float32)
    channels, height, width = fine.shape
    fine = fine.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    joined: Floats = np.concatenate([fine, coarse]).reshape(channels + len(coarse), -1).T
    return joined


def _spread(patches: Floats, count: int, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    """So many patches that all others are near to one: each time the one that is furthest off.

    In a random projection, where distances stay about as they are.
    """
    near = patches @ chance.normal(size=(patches.shape[1], 32)).astype(np.float32)
    kept = [int(chance.integers(0, len(near)))]
    distance = ((near - near[kept[0]]) ** 2).sum(axis=1)
    while len(kept) < count:
        kept.append(int(distance.argmax()))
        distance = np.minimum(distance, ((near - near[kept[-1]]) ** 2).sum(axis=1))
    return np.array(kept)
