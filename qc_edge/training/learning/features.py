"""Features of all pictures in four orientations, computed once and kept on the disk.

Kept as float16 beside what is being made, so that a training that was killed goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qc_edge.engine.onnx import OnnxModel
from qc_edge.store.durable import write_file
from qc_edge.training.learning.backbone import TapShape, Weights, add_backbone, tap_shapes
from qc_edge.training.learning.graph import Graph
from qc_edge.training.learning.pictures import LearningPicture

FLIPS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))
"""The axes that are turned round: as it is, left-right, top-bottom, both."""

_KEPT_EVERY = 64
"""Pictures between two notes of how far it is."""

_EPSILON = 1e-6

Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """`taps` are the maps [picture, flip, channel, height, width], `statistics` one row of figures
    [picture, flip, figure] over each of their channels.
    """

    taps: tuple[Halves, ...]
    statistics: Floats
    shapes: tuple[TapShape, ...]


def add_statistics(graph: Graph, taps: Sequence[str]) -> str:
    """The nodes for mean, highest, lowest (of the means of 2 x 2 cells) and deviation of each
    channel: [1, figures].
    """
    found = []
    for tap in taps:
        mean = graph.add("ReduceMean", [tap], axes=[2, 3], keepdims=1)
        away = graph.add("Sub", [tap, mean])
        square = graph.add("ReduceMean", [graph.add("Mul", [away, away])], axes=[2, 3], keepdims=1)
        deviation = graph.add("Sqrt", [graph.add("Add", [square, graph.constant(_EPSILON)])])
        around = graph.add("AveragePool", [tap], kernel_shape=[2, 2])
        highest = graph.add("ReduceMax", [around], axes=[2, 3], keepdims=1)
        lowest = graph.add("ReduceMin", [around], axes=[2, 3], keepdims=1)
        found += [mean, highest, lowest, deviation]
    joined = graph.add("Concat", found, axis=1)
    return graph.add("Flatten", [joined], axis=1)


def statistics_count(shapes: Sequence[TapShape]) -> int:
    """Figures of a picture."""
    return 4 * sum(shape.channels for shape in shapes)


def compute_features(
    pictures: Sequence[LearningPicture],
    size: tuple[int, int],
    weights: Weights,
    directory: Path,
    threads: int,
    advance: Callable[[int], None],
) -> Features:
    """Features of all pictures, in their order; what `directory` has of the same pictures is not
    computed again. Raises OSError where there is no room.
    """
    shapes = tap_shapes(size)
    count, flips = len(pictures), len(FLIPS)
    files = [
        _Array(
            directory / f"tap{number}.f16",
            (count, flips, shape.channels, shape.height, shape.width),
            "float16",
        )
        for number, shape in enumerate(shapes)
    ]
    files.append(
        _Array(directory / "statistics.f32", (count, flips, statistics_count(shapes)), "float32")
    )
    known = _known(directory, pictures, size) if all(file.is_there for file in files) else 0
    arrays = [file.open(known > 0) for file in files]
    advance(known)
    if known < count:
        model = OnnxModel(_feature_model(size, weights), threads)
        for at in range(known, count):
            for number, axes in enumerate(FLIPS):
                turned = np.flip(pictures[at].pixels, axes) if axes else pictures[at].pixels
                outputs = model.run(np.ascontiguousarray(turned)[None])
                for array, output in zip(arrays, outputs, strict=True):
                    array[at, number] = output[0]
            advance(1)
            if (at + 1) % _KEPT_EVERY == 0 or at + 1 == count:
                for array in arrays:
                    array.flush()
                _note(directory, pictures, size, at + 1)
    *taps, statistics = arrays
    return Features(tuple(taps), statistics, tuple(shapes))


@dataclass(frozen=True, slots=True)
class _Array:
    path: Path
    shape: tuple[int, ...]
    dtype: str

    @property
    def _size(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    @property
    def is_there(self) -> bool:
        """True if the file has all its room."""
        return self.path.is_file() and self.path.stat().st_size == self._size

    def open(self, known: bool) -> np.memmap[tuple[int, ...], np.dtype[np.floating]]:
        """The array as a file; its room is taken at once, so that a full disk shows here and not as
        a signal that ends the process when a page is written.
        """
        if not known or not self.is_there:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        return np.memmap(self.path, self.dtype, "r+", shape=self.shape)


def _feature_model(size: tuple[int, int], weights: Weights) -> bytes:
    graph = Graph()
    taps = add_backbone(graph, weights, size)
    statistics = add_statistics(graph, taps)
    shapes = tap_shapes(size)
    outputs: list[tuple[str, Sequence[int]]] = [
        (tap, (1, shape.channels, shape.height, shape.width))
        for tap, shape in zip(taps, shapes, strict=True)
    ]
    return graph.model(size, [*outputs, (statistics, (1, statistics_count(shapes)))])


def _identity(pictures: Sequence[LearningPicture], size: tuple[int, int]) -> str:
    """What the features depend on."""
    digest = hashlib.sha256(f"features 2 {size}".encode())
    for each in pictures:
        digest.update(np.ascontiguousarray(each.pixels).data)
    return digest.hexdigest()


def _known(directory: Path, pictures: Sequence[LearningPicture], size: tuple[int, int]) -> int:
    try:
        told = json.loads((directory / "features.json").read_bytes())
        return int(told["done"]) if told["of"] == _identity(pictures, size) else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _note(
    directory: Path, pictures: Sequence[LearningPicture], size: tuple[int, int], done: int
) -> None:
    values = {"of": _identity(pictures, size), "done": done}
    write_file(directory / "features.json", json.dumps(values).encode())
