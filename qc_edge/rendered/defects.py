"""Defects of a rendered part: each changes the scene in place and returns where it can be seen."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from qc_edge.rendered.kinds import DefectKind, Mask, Plane
from qc_edge.rendered.scene import FLANGE, HUB, SPOT_FACE, Scene, blend_disc, drill_hole


def add_defect(scene: Scene, kind: DefectKind, severity: float, rng: np.random.Generator) -> Mask:
    """Put a defect of `severity` (0 barely visible, 1 gross) on the part; True where it is (H x
    W).
    """
    return _ADD[kind](scene, severity, rng)


def _scratch(scene: Scene, severity: float, rng: np.random.Generator) -> Mask:
    radius = scene.pose.radius
    x, y = _random_point_on_metal(scene, rng)
    length = radius * _interpolate(0.16, 0.6, severity) * rng.uniform(0.85, 1.15)
    heading = rng.uniform(0, 2 * np.pi)
    bend = length * rng.uniform(-0.18, 0.18)
    along = np.linspace(-0.5, 0.5, 25)
    aside = bend * (1 - 4 * along**2)
    line = np.stack(
        [
            x + length * along * np.cos(heading) - aside * np.sin(heading),
            y + length * along * np.sin(heading) + aside * np.cos(heading),
        ],
        axis=1,
    )
    thickness = max(1, round(radius * _interpolate(0.0055, 0.011, severity)))
    depth = _interpolate(34, 72, severity)
    groove = _line_mask(scene, line, thickness)
    shadow = _line_mask(scene, line + thickness * 0.8, max(1, thickness - 1))
    bright = 1.0 if rng.random() < 0.6 else -1.0
    scene.canvas[...] += scene.metal * (
        groove * np.float32(bright * depth) - shadow * np.float32(depth * 0.4)
    )
    return groove * scene.metal > 0.3


def _pit(scene: Scene, severity: float, rng: np.random.Generator) -> Mask:
    x, y = _random_point_on_metal(scene, rng)
    size = scene.pose.radius * _interpolate(0.013, 0.034, severity)
    field = np.zeros_like(scene.canvas)
    for _ in range(3):
        dx, dy = rng.uniform(-0.45, 0.45, 2) * size
        blend_disc(field, x + dx, y + dy, size * rng.uniform(0.55, 0.85), 1.0, 1.0)
    rim = np.zeros_like(field)
    blend_disc(rim, x + size * 0.35, y + size * 0.35, size * 1.25, 1.0, 0.5)
    rim *= 1 - field
    depth = np.float32(_interpolate(55, 105, severity))
    scene.canvas[...] += scene.metal * (rim * depth * np.float32(0.4) - field * depth)
    return field * scene.metal > 0.3


def _stain(scene: Scene, severity: float, rng: np.random.Generator) -> Mask:
    x, y = _random_point_on_metal(scene, rng)
    size = scene.pose.radius * _interpolate(0.09, 0.2, severity)
    height, width = scene.canvas.shape
    film = np.zeros_like(scene.canvas)
    for _ in range(7):
        dx, dy = rng.uniform(-0.6, 0.6, 2) * size
        blend_disc(film, x + dx, y + dy, size * rng.uniform(0.4, 0.7), 1.0, 1.0)
    # Blurred at a quarter of the size: the film is smooth, and a wide kernel at full size is slow.
    small = cv2.resize(film, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(1.0, size / 4 * 0.12))
    film = np.asarray(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    film *= scene.metal
    scene.canvas[...] *= 1 - film * np.float32(_interpolate(0.16, 0.4, severity))
    return film > 0.4


def _chipped_edge(scene: Scene, severity: float, rng: np.random.Generator) -> Mask:
    pose = scene.pose
    middle = rng.uniform(0, 2 * np.pi)
    half_width = _interpolate(0.035, 0.11, severity)
    depth = _interpolate(0.03, 0.085, severity)
    steps = np.linspace(-1, 1, 15)
    bite = 1 - depth * (1 - steps**2) * rng.uniform(0.65, 1.2, steps.size)
    inner = [pose.at(float(r), middle + half_width * s) for r, s in zip(bite, steps, strict=True)]
    outer = [pose.at(1.05, middle + half_width * s) for s in steps[::-1]]
    gone = _polygon_mask(scene, np.array(inner + outer))
    facet = np.roll(gone, (-2, -2), (0, 1)) if rng.random() < 0.5 else np.roll(gone, (2, 2), (0, 1))
    broken = np.clip(facet - gone, 0, 1) * scene.metal
    missing = gone * scene.metal
    scene.canvas[...] += missing * (scene.fixture - scene.canvas)
    scene.canvas[...] += broken * (np.float32(225) - scene.canvas) * np.float32(0.7)
    seen = missing > 0.3
    scene.metal[...] *= 1 - gone
    return seen


def _missing_hole(scene: Scene, severity: float, rng: np.random.Generator) -> Mask:
    index = int(rng.integers(scene.pose.product.holes))
    x, y = scene.pose.hole(index)
    blend_disc(scene.metal, x, y, scene.pose.radius * SPOT_FACE, 1.0, 1.0)
    drill_hole(scene, index, depth=max(0.0, 0.55 - 0.75 * severity))
    where = np.zeros_like(scene.canvas)
    blend_disc(where, x, y, scene.pose.radius * SPOT_FACE * 0.7, 1.0, 1.0)
    return where > 0.5


_ADD: dict[DefectKind, Callable[[Scene, float, np.random.Generator], Mask]] = {
    DefectKind.SCRATCH: _scratch,
    DefectKind.PIT: _pit,
    DefectKind.STAIN: _stain,
    DefectKind.CHIPPED_EDGE: _chipped_edge,
    DefectKind.MISSING_HOLE: _missing_hole,
}


def _interpolate(least: float, most: float, severity: float) -> float:
    return least + (most - least) * severity


def _random_point_on_metal(scene: Scene, rng: np.random.Generator) -> tuple[float, float]:
    """A point on the flange or the hub, clear of edges, bolt holes and the frame's border."""
    pose = scene.pose
    height, width = scene.canvas.shape
    x, y = pose.x, pose.y
    for _ in range(64):
        low, high = FLANGE if rng.random() < 0.7 else HUB
        x, y = pose.at(
            float(rng.uniform(low + 0.03, high - 0.03)), float(rng.uniform(0, 2 * np.pi))
        )
        clear = pose.radius * (SPOT_FACE + 0.03)
        holes = map(pose.hole, range(pose.product.holes))
        near_hole = any(np.hypot(x - hx, y - hy) < clear for hx, hy in holes)
        if not near_hole and 0 <= x < width and 0 <= y < height:
            break
    return x, y


def _line_mask(scene: Scene, line: np.ndarray, thickness: int) -> Plane:
    layer = np.zeros(scene.canvas.shape, np.uint8)
    # Four fractional bits, the last argument: OpenCV then draws between the pixels.
    points = np.round(line * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(layer, [points], False, 255, thickness, cv2.LINE_AA, 4)
    return np.asarray(layer / 255.0, np.float32)


def _polygon_mask(scene: Scene, outline: np.ndarray) -> Plane:
    layer = np.zeros(scene.canvas.shape, np.uint8)
    points = np.round(outline * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.fillPoly(layer, [points], 255, cv2.LINE_AA, 4)
    return np.asarray(layer / 255.0, np.float32)
