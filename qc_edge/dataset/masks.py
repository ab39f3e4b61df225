"""Regions as pixels: a mask of the raw frame's size, boxes, outlines, and COCO's run lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.label import Box, Mask, Polygon, Region

BinaryMask = npt.NDArray[np.uint8]
"""H x W, uint8, 255 where the defect is."""

LoadMask = Callable[[Mask], "BinaryMask | None"]
"""Gives the picture behind a region that is a mask; None where it cannot be had."""

BoxCorners = tuple[float, float, float, float]
"""x, y, width, height in pixels."""

_MIN_OUTLINE = 3


def painted(regions: Iterable[Region], size: tuple[int, int], load: LoadMask) -> BinaryMask | None:
    """All regions as one mask of `size` (width, height); None if there is none."""
    mask: BinaryMask | None = None
    for region in regions:
        if mask is None:
            mask = np.zeros((size[1], size[0]), np.uint8)
        _paint(mask, region, load)
    return mask if mask is not None and mask.any() else None


def boxes(region: Region, load: LoadMask) -> list[BoxCorners]:
    """The boxes round a region: of a mask one for each piece of it."""
    if isinstance(region, Box):
        return [(region.x, region.y, region.width, region.height)]
    if isinstance(region, Polygon):
        return [around(region)]
    mask = load(region)
    if mask is None:
        return []
    _, _, found, _ = cv2.connectedComponentsWithStats(mask)
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h, _ in found[1:].tolist()]


def around(polygon: Polygon) -> BoxCorners:
    """The box round a polygon."""
    xs, ys = zip(*polygon.points, strict=True)
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def area(polygon: Polygon) -> float:
    """Of a polygon that does not cross itself (pixels)."""
    points = np.array(polygon.points)
    following = np.roll(points, -1, axis=0)
    twice = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
    return abs(float(twice.sum())) / 2


def outlines(mask: BinaryMask) -> list[Polygon]:
    """The outer outlines of a mask, for tools that know polygons only; holes are filled."""
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [
        Polygon(tuple((float(x), float(y)) for x, y in contour.reshape(-1, 2).tolist()))
        for contour in found
        if len(contour) >= _MIN_OUTLINE
    ]


def run_lengths(mask: BinaryMask) -> list[int]:
    """COCO's run lengths: column by column, of zeros first."""
    flat = np.concatenate([[0], (mask != 0).ravel(order="F"), [0]]).astype(np.int8)
    changes = np.flatnonzero(np.diff(flat))
    ends = np.concatenate([[0], changes, [mask.size]] if changes.size else [[0], [mask.size]])
    runs: list[int] = np.diff(ends).tolist()
    # A mask that reaches its last pixel ends with a run of no zeros, which COCO leaves out.
    return runs[:-1] if len(runs) > 1 and runs[-1] == 0 else runs


def packed_run_lengths(runs: Iterable[int]) -> str:
    """The same as COCO's text: each run but the first three as the difference to the one two
    before, five bits a sign from "0" on, the sixth bit says that more follow.

    As rleToString in cocoapi's common/maskApi.c has it.
    """
    text, before = list[str](), list[int]()
    for number, run in enumerate(runs):
        value = run - before[number - 2] if number > 2 else run
        before.append(run)
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(chr(48 + bits + (0x20 if more else 0)))
    return "".join(text)


def _paint(mask: BinaryMask, region: Region, load: LoadMask) -> None:
    if isinstance(region, Box):
        x, y = round(region.x), round(region.y)
        mask[y : round(region.y + region.height), x : round(region.x + region.width)] = 255
    elif isinstance(region, Polygon):
        points = np.rint(np.array(region.points)).astype(np.int32)
        cv2.fillPoly(mask, [points], 255)
    elif (loaded := load(region)) is not None and loaded.shape == mask.shape:
        mask[loaded != 0] = 255
