"""The model's input made from a frame: a pure function of the gray pixels and the parameters.

Same pixels and parameters, same bytes, on every run and every machine. Never judges the frame.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from qc_edge.vision import area
from qc_edge.vision.image import Gray

Roi = tuple[int, int, int, int]
"""x, y, width, height (pixels of the full frame)."""


@dataclass(frozen=True, slots=True)
class PrepareParameters:
    """What the prepared frame depends on besides its pixels.

    `roi` is the calibrated region that is inspected, None for the whole frame; `normalise`
    stretches the darkest value to 0 and the brightest to 255.
    """

    width: int = 512
    height: int = 512
    normalise: bool = True
    roi: Roi | None = None


DEFAULT = PrepareParameters()
"""Gray, resized to 512 x 512 by area, stretched to 0..255."""


def preprocess_id(parameters: PrepareParameters = DEFAULT) -> str:
    """A stable name for the parameters, such as `gray512-minmax@2f0c9a1e`: words, then a digest.

    The digest is the first 8 hex digits of the SHA-256 of the parameters as canonical JSON.
    """
    values = {"rule": "gray8 >> crop >> INTER_AREA >> MINMAX 0..255", **asdict(parameters)}
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    size = f"{parameters.width}"
    if parameters.width != parameters.height:
        size += f"x{parameters.height}"
    steps = (
        f"gray{size}"
        + ("-roi" if parameters.roi else "")
        + ("-minmax" if parameters.normalise else "")
    )
    return f"{steps}@{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"


def crop(gray: Gray, roi: Roi | None) -> Gray:
    """The region `roi` of `gray` as a view; as much of it as there is, the whole frame if there is
    none.

    A frame too small for its region is refused as `wrong_size`; here it must only not break.
    """
    if roi is None:
        return gray
    x, y, width, height = roi
    region = gray[y : y + height, x : x + width]
    return region if region.size else gray


def resize(gray: Gray, parameters: PrepareParameters = DEFAULT) -> Gray:
    """`gray` cropped and resized to height x width, uint8, by `cv2.INTER_AREA` as it is on
    x86-64.
    """
    return area.shrink(crop(gray, parameters.roi), parameters.width, parameters.height)


def normalise(resized: Gray, parameters: PrepareParameters = DEFAULT) -> Gray:
    """`resized` stretched to 0..255; a frame of one single value becomes 0.

    Bit for bit `cv2.normalize(resized, None, 0, 255, cv2.NORM_MINMAX)` as it is on x86-64 with
    AVX2. On older x86 and on aarch64 cv2.normalize itself rounds otherwise and is off by one in
    some pixels: therefore a table, which is the same everywhere.
    """
    if not parameters.normalise:
        return resized
    lowest, highest, _, _ = cv2.minMaxLoc(resized)
    return cv2.LUT(resized, _stretch(int(lowest), int(highest)))  # type: ignore[return-value]


def _stretch(lowest: int, highest: int) -> Gray:
    """What every value 0..255 becomes: OpenCV's float32 factor and shift, one rounding, half to
    even.
    """
    if lowest == highest:
        return np.zeros(256, np.uint8)
    # Step by step as cv2.normalize computes it, proven equal for every pair of minimum and maximum
    # (decision 0008).
    scale = 255.0 * (1.0 / (highest - lowest))
    factor, shift = float(np.float32(scale)), float(np.float32(0.0 - lowest * scale))
    fused = (np.arange(256) * factor + shift).astype(np.float32)
    return np.clip(np.rint(fused), 0, 255).astype(np.uint8)


def prepare(gray: Gray, parameters: PrepareParameters = DEFAULT) -> Gray:
    """The model's input: `normalise(resize(gray))`, height x width, uint8."""
    return normalise(resize(gray, parameters), parameters)
