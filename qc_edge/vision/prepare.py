"""The model's input made from a frame: a pure function of its pixels and the parameters.

Same pixels and parameters, same bytes, on every run and every machine. Never judges the frame.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np

from qc_edge.vision import area
from qc_edge.vision.image import Colour, Gray, Image, to_rgb

Roi = tuple[int, int, int, int]
"""x, y, width, height (pixels of the full frame)."""


@dataclass(frozen=True, slots=True)
class PrepareParameters:
    """What the prepared frame depends on besides its pixels.

    `roi` is the calibrated region that is inspected, None for the whole frame; `normalise`
    stretches the darkest value to 0 and the brightest to 255; of a picture in `colour` (RGB), the
    darkest and the brightest of all channels.
    """

    width: int = 512
    height: int = 512
    normalise: bool = True
    roi: Roi | None = None
    colour: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the prepared frame: height, width, and 3 if it is in colour."""
        return (self.height, self.width, 3) if self.colour else (self.height, self.width)

    @property
    def is_default(self) -> bool:
        """True for the default preprocessing, of any region."""
        return replace(self, roi=None) == DEFAULT


DEFAULT = PrepareParameters()
"""Gray, resized to 512 x 512 by area, stretched to 0..255."""

VARIANTS = (
    "gray512-minmax, gray224, rgb224, rgb320x256-minmax: gray or rgb, the size, minmax or not"
)
"""How preprocessing is named, for messages."""

_NAME = re.compile(
    r"(?P<kind>gray|rgb)(?P<width>[1-9]\d{0,4})(?:x(?P<height>[1-9]\d{0,4}))?(?P<roi>-roi)?"
    r"(?P<minmax>-minmax)?(?:@(?P<digest>[0-9a-f]{8}))?"
)


def preprocess_id(parameters: PrepareParameters = DEFAULT) -> str:
    """A stable name for the parameters, such as `gray512-minmax@2f0c9a1e`: words, then a digest.

    The digest is the first 8 hex digits of the SHA-256 of the parameters as canonical JSON.
    """
    values = {"rule": "gray8 >> crop >> INTER_AREA >> MINMAX 0..255", **asdict(parameters)}
    if values.pop("colour"):
        values["rule"] = "rgb8 >> crop >> INTER_AREA >> MINMAX 0..255"
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    size = f"{parameters.width}"
    if parameters.width != parameters.height:
        size += f"x{parameters.height}"
    steps = (
        f"{'rgb' if parameters.colour else 'gray'}{size}"
        + ("-roi" if parameters.roi else "")
        + ("-minmax" if parameters.normalise else "")
    )
    return f"{steps}@{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"


def named_parameters(name: str, roi: Roi | None = None) -> PrepareParameters:
    """The parameters that a `preprocess_id`, or its words without the digest, names, with that
    region.

    Raises ValueError, in words, for a name that this version does not know. Whether a digest in the
    name is that of these parameters is for the caller to compare.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no preprocessing that this version knows ({VARIANTS})")
    width = int(match["width"])
    return PrepareParameters(
        width=width,
        height=int(match["height"] or width),
        normalise=match["minmax"] is not None,
        roi=roi,
        colour=match["kind"] == "rgb",
    )


def recorded_parameters(identity: str, roi: Roi | None) -> PrepareParameters:
    """The parameters behind the `preprocess_id` of a row, under a calibration with that region.

    Of a name that this version does not know the default's: their own id is then another one.
    """
    try:
        return named_parameters(identity, roi)
    except ValueError:
        return PrepareParameters(roi=roi)


def crop(picture: Gray | Colour, roi: Roi | None) -> Gray | Colour:
    """The region `roi` of `picture` as a view; as much of it as there is, the whole frame if there
    is none.

    A frame too small for its region is refused as `wrong_size`; here it must only not break.
    """
    if roi is None:
        return picture
    x, y, width, height = roi
    region = picture[y : y + height, x : x + width]
    return region if region.size else picture


def resize(picture: Gray | Colour, parameters: PrepareParameters = DEFAULT) -> Gray | Colour:
    """`picture` cropped and resized to height x width, uint8, by `cv2.INTER_AREA` as it is on
    x86-64; of a picture in colour each channel by itself.
    """
    region, width, height = crop(picture, parameters.roi), parameters.width, parameters.height
    if region.ndim == 2:
        return area.shrink(region, width, height)
    return np.dstack([area.shrink(region[..., n], width, height) for n in range(3)])


def normalise(resized: Gray | Colour, parameters: PrepareParameters = DEFAULT) -> Gray | Colour:
    """`resized` stretched to 0..255; a frame of one single value becomes 0.

    Bit for bit `cv2.normalize(resized, None, 0, 255, cv2.NORM_MINMAX)` as it is on x86-64 with
    AVX2. On older x86 and on aarch64 cv2.normalize itself rounds otherwise and is off by one in
    some pixels: therefore a table, which is the same everywhere.
    """
    if not parameters.normalise:
        return resized
    lowest, highest, _, _ = cv2.minMaxLoc(resized.reshape(len(resized), -1))
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


def prepare(picture: Gray | Colour, parameters: PrepareParameters = DEFAULT) -> Gray | Colour:
    """The model's input: `normalise(resize(picture))`, of the parameters' shape, uint8.

    `picture` is the frame's gray (H x W), or its RGB (H x W x 3) where the parameters are in
    colour.
    """
    return normalise(resize(picture, parameters), parameters)


def picture_for(
    parameters: PrepareParameters, image: Image, pixel_format: str | None
) -> Gray | Colour:
    """What `prepare` takes of a frame: the gray that is inspected, or the colour."""
    if parameters.colour:
        return to_rgb(image.pixels, pixel_format, image.bit_depth)
    return image.gray
