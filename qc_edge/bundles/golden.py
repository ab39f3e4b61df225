"""Golden frames: prepared frames of a bundle with what the approved model said of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.bundles.manifest import REINSTALL, GoldenEntry
from qc_edge.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class GoldenFrame:
    """A prepared frame (1 x H x W or 1 x H x W x 3 RGB, uint8) and what the approved model said of
    it.

    `score` is in 0..1; `map_coarse` (float32, 0..1) are the defect map's maxima over a coarse grid,
    empty if the bundle keeps none; `class_scores` are those of the classes, if it has any.
    """

    name: str
    shows: str
    prepared: npt.NDArray[np.uint8]
    score: float
    map_coarse: npt.NDArray[np.float32]
    class_scores: Mapping[str, float] = field(default_factory=dict)

    def expand_map(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """A defect map of `shape` (h, w) with these coarse maxima; without them, filled with the
        score.
        """
        if not self.map_coarse.size:
            return np.full(shape, self.score, np.float32)
        rows, columns = (
            side // fields for side, fields in zip(shape, self.map_coarse.shape, strict=True)
        )
        return np.kron(self.map_coarse, np.ones((rows, columns), np.float32))


def read_golden_frames(
    directory: Path, entries: tuple[GoldenEntry, ...], shape: tuple[int, ...]
) -> Iterator[GoldenFrame]:
    """The golden frames of the bundle in `directory`, each of `shape`: h, w, and 3 in colour.

    Raises ModelError at a file that is no uint8 image of that shape.
    """
    for entry in entries:
        path = directory / "golden" / entry.file
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.shape != shape or pixels.dtype != np.uint8:
            actual = "no image" if pixels is None else f"{pixels.dtype} {_by(pixels.shape)}"
            raise ModelError(
                f"golden frame {path}: found {actual}, expected uint8 {_by(shape)}", REINSTALL
            )
        if pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        yield GoldenFrame(
            name=entry.file,
            shows=entry.shows,
            prepared=np.asarray(pixels, np.uint8)[None],
            score=entry.score,
            map_coarse=np.array(entry.map_coarse, np.float32),
            class_scores=entry.class_scores,
        )


def coarse_maxima(defect_map: npt.NDArray[np.float32], fields: int) -> npt.NDArray[np.float32]:
    """The maxima of a map over `fields` x `fields` equal fields (the map's sides must divide)."""
    height, width = defect_map.shape
    grid = defect_map.reshape(fields, height // fields, fields, width // fields)
    return np.asarray(grid.max(axis=(1, 3)), np.float32)


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
