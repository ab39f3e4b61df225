"""Resizing by area with the same bytes on every CPU: those of OpenCV on x86-64 (decision 0008).

`cv2.resize(..., INTER_AREA)` sums weighted pixels in float32. On aarch64 the compiler fuses
multiply and add, which rounds once instead of twice, and averages that lie on a half then fall to
the other side: one gray value more or less in up to 0.4 % of the pixels (seen with OpenCV 5.0.0).
So where arithmetic may be fused, pixels that near a half are summed again, unfused, in OpenCV's
order.
"""

from __future__ import annotations

import functools
import math
import platform

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]

UNFUSED = platform.machine().lower() in {"x86_64", "amd64"}
"""True where OpenCV's own result is the one that counts: its x86-64 code does not fuse."""

_NEAR_HALF = 0.499
"""How far from a whole number a sum is summed again: float32 sums of pixels are off by less than
0.001, fused or not, so only those near a half can round to the other side.
"""


def shrink(gray: Gray, width: int, height: int) -> Gray:
    """`gray` as height x width, uint8, by OpenCV's INTER_AREA (which enlarges where it must)."""
    if UNFUSED or not is_summed(gray.shape, width, height):
        return cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
    return shrink_unfused(gray, width, height)


def shrink_unfused(gray: Gray, width: int, height: int) -> Gray:
    """What `shrink` does where arithmetic may be fused; for sizes that are summed in float32
    only.
    """
    sums = cv2.resize(gray.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    rounded = np.rint(sums)
    rows, columns = np.nonzero(np.abs(sums - rounded) > _NEAR_HALF)
    rounded[rows, columns] = _summed(gray, width, height, rows, columns)
    return np.clip(rounded, 0, 255).astype(np.uint8)


def is_summed(shape: tuple[int, ...], width: int, height: int) -> bool:
    """True if OpenCV sums in float32: when both sides shrink, and not both by a whole number."""
    across, down = shape[1] / width, shape[0] / height
    return min(across, down) >= 1 and not (across.is_integer() and down.is_integer())


def _summed(
    gray: Gray, width: int, height: int, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """The rounded averages at `rows`, `columns`, each operation rounded by itself to float32.

    The pixels of a line first, then the lines, since float32 sums depend on their order: that of
    ResizeArea_Invoker in OpenCV's resize.cpp.
    """
    x_at, x_weight = _taps(gray.shape[1], width)
    y_at, y_weight = _taps(gray.shape[0], height)
    total = np.zeros(rows.size, np.float32)
    for down in range(y_at.shape[1]):
        line = np.zeros(rows.size, np.float32)
        for across in range(x_at.shape[1]):
            pixels = gray[y_at[rows, down], x_at[columns, across]].astype(np.float32)
            line += pixels * x_weight[columns, across]
        total += y_weight[rows, down] * line
    return np.rint(total)


@functools.lru_cache(maxsize=16)
def _taps(source: int, target: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Source positions and weights of every target position, filled up with weights of 0.

    As OpenCV's computeResizeAreaTab: a share of a thousandth of a pixel does not count.
    """
    scale = 1.0 / (target / source)
    longest = math.ceil(scale) + 2
    at, weight = np.zeros((target, longest), np.intp), np.zeros((target, longest), np.float32)
    for position in range(target):
        start = position * scale
        end = start + scale
        cell = min(scale, source - start)
        last = min(math.floor(end), source - 1)
        first = min(math.ceil(start), last)
        taps = [(first - 1, (first - start) / cell)] if first - start > 1e-3 else []
        taps += [(whole, 1.0 / cell) for whole in range(first, last)]
        if end - last > 1e-3:
            taps.append((last, min(end - last, 1.0, cell) / cell))
        for number, (place, share) in enumerate(taps):
            at[position, number], weight[position, number] = place, share
    return at, weight
