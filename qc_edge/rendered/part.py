"""Rendering one part as a camera would see it: deterministic, no clock, no file."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from qc_edge.rendered.defects import add_defect
from qc_edge.rendered.kinds import (
    SIX_HOLES,
    DefectKind,
    FrameFault,
    Grey,
    Plane,
    Product,
    RenderedPart,
)
from qc_edge.rendered.scene import Pose, build_scene, drill_hole, lamp_gain, random_pose

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
    product: Product = SIX_HOLES,
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
    # One generator for each purpose: a defect draws numbers without changing pose or noise.
    parts, flaws, faults, sensor = (np.random.default_rng([seed, stream]) for stream in range(4))
    pose = replace(random_pose(size, parts), product=product)
    if fault is FrameFault.OUT_OF_FRAME:
        pose = _out_of_frame_pose(pose, size, faults)
    scene = build_scene(size, pose, parts)
    for index in range(product.holes):
        drill_hole(scene, index)
    drawn = float(flaws.uniform(0, 1)) if severity is None else severity
    mask = (
        np.zeros(scene.canvas.shape, np.bool_)
        if defect is None
        else add_defect(scene, defect, drawn, flaws)
    )
    plane = scene.canvas
    plane *= lamp_gain(size, parts)
    plane *= np.float32(product.brightness)
    plane = _apply_fault(plane, fault, faults)
    return RenderedPart(
        seed=seed,
        pixels=_expose(plane, sensor),
        mask=mask,
        defect=defect,
        severity=0.0 if defect is None else drawn,
        fault=fault,
    )


def _out_of_frame_pose(pose: Pose, size: tuple[int, int], rng: np.random.Generator) -> Pose:
    """A pose as after a feeder's miss: four tenths to most of the part lies beyond an edge."""
    width, height = size
    beyond = pose.radius * float(rng.uniform(-0.15, 0.55))
    edge = int(rng.integers(4))
    if edge < 2:
        return replace(pose, x=-beyond if edge == 0 else width + beyond)
    return replace(pose, y=-beyond if edge == 2 else height + beyond)


def _apply_fault(plane: Plane, fault: FrameFault | None, rng: np.random.Generator) -> Plane:
    if fault is FrameFault.DEFOCUSED:
        # As wide as a lens would blur it, never so narrow that a pixel's grain survives.
        sigma = max(2.5, min(plane.shape) / 1024 * float(rng.uniform(4, 9)))
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
    if fault is FrameFault.OVEREXPOSED:
        plane *= np.float32(rng.uniform(2.8, 4.5))
    elif fault is FrameFault.UNDEREXPOSED:
        plane *= np.float32(rng.uniform(0.05, 0.12))
    return plane


def _expose(plane: Plane, rng: np.random.Generator) -> Grey:
    """The plane with sensor noise, rounded and clipped to 8 bits."""
    noise = rng.standard_normal(plane.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(*_SENSOR_NOISE))
    plane += noise
    return np.asarray(cv2.convertScaleAbs(np.maximum(plane, 0, out=plane)), np.uint8)
