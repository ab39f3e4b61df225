"""The clean scene: a turned flange with its bolt holes on its fixture, lit from above.

Lengths are in units of the part's radius unless they end in `_px`; grey levels are 0..255 before
gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qc_edge.rendered.kinds import SIX_HOLES, Plane, Product

PART_RADIUS = 0.40
"""The part's radius as a share of the frame's shorter side."""
FLANGE = (0.64, 0.955)
HUB = (0.31, 0.60)
BORE = 0.26
HOLE_CIRCLE = 0.79
HOLE_RADIUS = 0.065
SPOT_FACE = 0.115

_BAND_ROWS = 32
"""Rows that are worked on at once: few enough that a band's planes stay in the core's cache."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the part lies: centre and radius in pixels, rotation in radians; and which it is."""

    x: float
    y: float
    radius: float
    angle: float
    product: Product = SIX_HOLES

    def at(self, distance: float, angle: float) -> tuple[float, float]:
        """Pixel position of a point of the part, `distance` in radii, `angle` from its own zero."""
        turned = self.angle + angle
        return (
            self.x + self.radius * distance * float(np.cos(turned)),
            self.y + self.radius * distance * float(np.sin(turned)),
        )

    def hole(self, index: int) -> tuple[float, float]:
        """Pixel position of bolt hole `index`, from 0 on."""
        return self.at(HOLE_CIRCLE, 2 * np.pi * index / self.product.holes)


@dataclass(frozen=True, slots=True)
class Scene:
    """What defects are put on: the metal over the fixture, and where the metal is (0..1)."""

    canvas: Plane
    fixture: Plane
    metal: Plane
    pose: Pose


def random_pose(size: tuple[int, int], rng: np.random.Generator) -> Pose:
    """A part laid into the fixture by a feeder: 1 % of play, 4 degrees either way."""
    width, height = size
    side = min(width, height)
    return Pose(
        x=width / 2 + side * float(rng.uniform(-0.012, 0.012)),
        y=height / 2 + side * float(rng.uniform(-0.012, 0.012)),
        radius=side * PART_RADIUS * float(rng.uniform(0.99, 1.01)),
        angle=float(np.deg2rad(rng.uniform(-4, 4))),
    )


def build_scene(size: tuple[int, int], pose: Pose, rng: np.random.Generator) -> Scene:
    """The part without bolt holes on the fixture, before light and sensor. `size` is (width,
    height).
    """
    width, height = size
    fixture = _fixture(width, height, rng)
    profile, gloss = _turned_profile(pose.radius, int(np.hypot(width, height)) + 2, rng)
    sheen_angle = float(rng.uniform(0, np.pi))
    dx = np.arange(width, dtype=np.float32)[None, :] - np.float32(pose.x)
    dy = np.arange(height, dtype=np.float32)[:, None] - np.float32(pose.y)
    canvas, metal = np.empty_like(fixture), np.empty_like(fixture)
    for top in range(0, height, _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        distance_px = np.sqrt(dx * dx + dy[rows] * dy[rows])
        rings = (distance_px * 2).astype(np.int32)
        np.minimum(rings, len(profile) - 1, out=rings)
        face = profile[rings]
        face += gloss[rings] * _sheen(dx, dy[rows], distance_px, sheen_angle)
        cover = np.clip(np.float32(pose.radius + 0.5) - distance_px, 0, 1)
        cover *= np.clip(distance_px - np.float32(pose.radius * BORE - 0.5), 0, 1)
        metal[rows] = cover
        face -= fixture[rows]
        face *= cover
        np.add(fixture[rows], face, out=canvas[rows])
    return Scene(canvas, fixture, metal, pose)


def drill_hole(scene: Scene, index: int, depth: float = 1.0) -> None:
    """Spot-face and drill bolt hole `index`; `depth` 1 goes through, 0 leaves a centre punch."""
    x, y = scene.pose.hole(index)
    radius = scene.pose.radius
    blend_disc(scene.canvas, x, y, radius * SPOT_FACE, 176.0, 0.75)
    blend_disc(scene.canvas, x, y, radius * SPOT_FACE * 0.93, 150.0, 0.75)
    if depth < 1:
        blend_disc(scene.canvas, x, y, radius * 0.014, 70.0, 1.0)
    if depth > 0:
        floor = 150.0 - 128.0 * depth
        rim = 205.0 - 30.0 * (1 - depth)
        blend_disc(scene.canvas, x, y, radius * HOLE_RADIUS * 1.12, rim, depth)
        blend_disc(scene.canvas, x, y, radius * HOLE_RADIUS, floor, 1.0)
        blend_disc(scene.metal, x, y, radius * HOLE_RADIUS, 1.0 - depth, 1.0)


def blend_disc(
    plane: Plane, x: float, y: float, radius_px: float, value: float, opacity: float
) -> None:
    """Blend a disc with a one-pixel soft edge into `plane`, in place; what lies outside is cut
    off.
    """
    top, bottom = max(0, int(y - radius_px) - 1), min(plane.shape[0], int(y + radius_px) + 3)
    left, right = max(0, int(x - radius_px) - 1), min(plane.shape[1], int(x + radius_px) + 3)
    if top >= bottom or left >= right:
        return
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    columns = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    cover = np.clip(np.float32(radius_px + 0.5) - np.hypot(rows, columns), 0, 1) * np.float32(
        opacity
    )
    window = plane[top:bottom, left:right]
    window += cover * (np.float32(value) - window)


def lamp_gain(size: tuple[int, int], rng: np.random.Generator) -> Plane:
    """The lamp: a gain with a slope across the frame and darker corners, around 1."""
    width, height = size
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope_x, slope_y = rng.uniform(-0.08, 0.08, 2).astype(np.float32)
    corners = np.float32(rng.uniform(0.02, 0.07))
    gain = np.float32(rng.uniform(0.9, 1.1))
    lamp: Plane = (
        gain
        * (1 + slope_x * across - corners * across**2)
        * (1 + slope_y * down - corners * down**2)
    )
    return lamp


def _fixture(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Bead-blasted plate with two locating pins that the part rests on."""
    plate = rng.standard_normal((height, width), dtype=np.float32)
    plate *= np.float32(3.6)
    plate += np.float32(rng.uniform(44, 56))
    side = min(width, height)
    for angle in np.deg2rad((52.0, 128.0)):
        x = width / 2 + side * 0.445 * float(np.cos(angle))
        y = height / 2 + side * 0.445 * float(np.sin(angle))
        blend_disc(plate, x, y, side * 0.034, 118.0, 0.9)
        blend_disc(plate, x - side * 0.008, y - side * 0.008, side * 0.02, 142.0, 0.8)
    return plate


def _turned_profile(radius: float, reach_px: int, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Grey level and gloss against the distance from the centre, two samples a pixel."""
    at = np.arange(2 * reach_px, dtype=np.float32) / np.float32(2 * radius)
    level = np.full_like(at, rng.uniform(138, 150))
    level[at < FLANGE[0]] = 92.0
    level[at < HUB[1] + 0.015] = rng.uniform(156, 168)
    level[(at > HUB[1]) & (at < FLANGE[0] - 0.012)] = 84.0
    level[at > FLANGE[1]] = 186.0
    level[at < HUB[0]] = 192.0
    marks = rng.standard_normal(at.size + 2).astype(np.float32)
    marks = (marks[:-2] + 2 * marks[1:-1] + marks[2:]) / np.float32(6**0.5)
    coarse = np.interp(at, np.linspace(0, at[-1], 160), rng.standard_normal(160)).astype(np.float32)
    level += np.float32(rng.uniform(7.0, 10.0)) * marks + np.float32(2.5) * coarse
    gloss = np.where(
        (at > FLANGE[1]) | (at < HUB[0]), np.float32(8), np.float32(rng.uniform(9, 16))
    )
    return level, gloss.astype(np.float32)


def _sheen(dx: Plane, dy: Plane, distance_px: Plane, angle: float) -> Plane:
    """The two bright fans that turned metal shows under a lamp: cos(2 * (direction - angle))."""
    fans: Plane = np.float32(np.cos(2 * angle)) * (dx * dx - dy * dy)
    fans += np.float32(2 * np.sin(2 * angle)) * (dx * dy)
    fans /= np.maximum(distance_px * distance_px, 1)
    return fans
