"""The parts that the reference model learns from and is judged on: seeds in, prepared frames
out.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat

import cv2
import numpy as np
from network import INPUT, MAP

from qc_edge.rendered import RENDERER, DefectKind, plan_series, render
from qc_edge.vision.prepare import prepare

SIZES = ((1280, 1024), (1280, 1024), (1280, 1024), (1280, 1024), (2448, 2048))
"""Every fifth part is seen by a 5 MP camera."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A set of parts, fully described: its digest names the data. Half of the parts are
    defective.
    """

    seed: int
    count: int
    renderer: str = RENDERER
    sizes: tuple[tuple[int, int], ...] = SIZES
    defect_share: float = 0.5

    @property
    def sha256(self) -> str:
        """Hex digest of the recipe as sorted JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """N prepared frames (N x 512 x 512 uint8), where each is defective (N x 64 x 64, share of the
    cell's pixels, 0..1), what it is and how bad (0..1).
    """

    frames: np.ndarray
    cells: np.ndarray
    kinds: list[DefectKind | None]
    severities: np.ndarray

    @property
    def defective(self) -> np.ndarray:
        """N bool."""
        return np.array([kind is not None for kind in self.kinds])


def rendered(recipe: Recipe, workers: int) -> Parts:
    """All parts of the recipe, the same for any number of workers."""
    plan = plan_series(recipe.seed, recipe.count, recipe.defect_share, 0.0)
    # spawned: a fork would inherit the locks of OpenCV's, torch's and ONNX Runtime's threads, and
    # hang
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(_one, plan, range(recipe.count), repeat(recipe.sizes), chunksize=8))
    return Parts(
        frames=np.stack([frame for frame, _, _ in made]),
        cells=np.stack([cells for _, cells, _ in made]),
        kinds=[kind for _, kind, _ in plan],
        severities=np.array([severity for _, _, severity in made], np.float32),
    )


def _one(
    planned: tuple[int, DefectKind | None, None], number: int, sizes: tuple[tuple[int, int], ...]
) -> tuple[np.ndarray, np.ndarray, float]:
    cv2.setNumThreads(1)
    seed, kind, _ = planned
    part = render(seed, kind, None, sizes[number % len(sizes)])
    mask = cv2.resize(part.mask.astype(np.float32), (INPUT, INPUT), interpolation=cv2.INTER_AREA)
    side = INPUT // MAP
    cells = mask.reshape(MAP, side, MAP, side).mean(axis=(1, 3))
    return prepare(part.pixels), cells.astype(np.float16), part.severity
