"""Render one part as a camera would see it. Deterministic in its arguments; never reads a clock or
a file.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from qc_edge.rendered.defects import damage
from qc_edge.rendered.kinds import DefectKind, FrameFault, Grey, Plane, RenderedPart
from qc_edge.rendered.scene import HOLES, Pose, drill, light, pose_in, stage

RENDERER = "flange-1"
"""Changes whenever the same seed would give other pixels."""

DEFAULT_SIZE = (1280, 1024)
_SENSOR_NOISE = (0.9, 1.3)


def render(
    seed: int,
    defect: DefectKind | None = None,
    fault: FrameFault | None = None,
    size: tuple[int, int] = DEFAULT_SIZE,
    severity: float | None = None,
) -> RenderedPart:
    """The frame of part `seed`, with at most one defect and one frame fault.

    `size` is (width, height), each at least 64. Pose, texture, light and noise follow from `seed`
    alone, so the same seed with and without a defect is the same part. `severity` (0..1) is drawn
    if not given. Raises ValueError on a size that is too small or a severity outside 0..1.
    """
    if min(size) < 64:
        raise ValueError(f"size {size} is too small: expected at least 64 x 64")
    if severity is not None and not 0 <= severity <= 1:
        raise ValueError(f"severity {severity} is out of range: expected 0..1")
    parts, flaws, faults, sensor = (np.random.default_rng([seed, stream]) for stream in range(4))
    pose = pose_in(size, parts)
    if fault is FrameFault.OUT_OF_FRAME:
        pose = _slid_away(pose, size, faults)
    scene = stage(size, pose, parts)
    for index in range(HOLES):
        drill(scene, index)
    drawn = float(flaws.uniform(0, 1)) if severity is None else severity
    mask = (
        np.zeros(scene.canvas.shape, np.bool_)
        if defect is None
        else damage(scene, defect, drawn, flaws)
    )
    plane = scene.canvas
    plane *= light(size, parts)
    plane = _spoilt(plane, fault, faults)
    return RenderedPart(
        seed=seed,
        pixels=_exposed(plane, sensor),
        mask=mask,
        defect=defect,
        severity=0.0 if defect is None else drawn,
        fault=fault,
    )


def _slid_away(pose: Pose, size: tuple[int, int], rng: np.random.Generator) -> Pose:
    """The feeder missed: four tenths to most of the part lies beyond the frame's edge."""
    width, height = size
    beyond = pose.radius * float(rng.uniform(-0.15, 0.55))
    edge = int(rng.integers(4))
    if edge < 2:
        return replace(pose, x=-beyond if edge == 0 else width + beyond)
    return replace(pose, y=-beyond if edge == 2 else height + beyond)


def _spoilt(plane: Plane, fault: FrameFault | None, rng: np.random.Generator) -> Plane:
    if fault is FrameFault.DEFOCUSED:
        # as wide as a lens would blur it, never so narrow that a pixel's grain survives
        sigma = max(2.5, min(plane.shape) / 1024 * float(rng.uniform(4, 9)))
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
    if fault is FrameFault.OVEREXPOSED:
        plane *= np.float32(rng.uniform(2.8, 4.5))
    elif fault is FrameFault.UNDEREXPOSED:
        plane *= np.float32(rng.uniform(0.05, 0.12))
    return plane


def _exposed(plane: Plane, rng: np.random.Generator) -> Grey:
    """Sensor noise, rounding and clipping to 8 bits."""
    noise = rng.standard_normal(plane.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(*_SENSOR_NOISE))
    plane += noise
    return np.asarray(cv2.convertScaleAbs(np.maximum(plane, 0, out=plane)), np.uint8)
