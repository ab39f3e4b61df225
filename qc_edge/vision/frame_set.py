"""The frames that a calibration is made from, measured, and which of them stand apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from qc_edge.domain.calibration import Calibration, FramingReference
from qc_edge.vision.bounds import LIGHT, BoundRule, framing_rules
from qc_edge.vision.framing import locate, reference, thumbnail
from qc_edge.vision.gates import GateFigures, measure_figures
from qc_edge.vision.image import Gray, Image
from qc_edge.vision.prepare import PrepareParameters, crop, resize
from qc_edge.vision.strays import FrameSize, Strays, grouped, of_another_size, outliers

FEWEST = 3
"""With fewer frames there is no spread to speak of, and no proposal."""

ALIKE = 0.5
"""Below this correlation good frames have no common place for the part: no framing gate."""

MOST_LEFT_OUT = 0.1
"""At most this share of the frames is left out as strays; if more differ, they are no set."""


@dataclass(frozen=True, slots=True, eq=False)
class GoodFrame:
    """One known-good frame, measured: its name, size and depth, figures and thumbnail.

    `region` is the width and height (pixels) of the calibrated region as far as the frame holds it.
    """

    name: str
    width: int
    height: int
    bit_depth: int
    region: tuple[int, int]
    figures: GateFigures
    thumb: Gray
    sha256: str = ""
    """Of the pixels: two frames with the same one are copies."""

    @property
    def size(self) -> FrameSize:
        """Its size and depth."""
        return FrameSize(self.width, self.height, self.bit_depth)


def sample(name: str, image: Image, current: Calibration) -> GoodFrame:
    """Measure one known-good frame in the region of the calibration in force."""
    region = crop(image.gray, current.roi)
    thumb = thumbnail(resize(image.gray, PrepareParameters(roi=current.roi)))
    height, width = region.shape
    figures = measure_figures(region, thumb, None)
    return GoodFrame(
        name,
        image.width,
        image.height,
        image.bit_depth,
        (width, height),
        figures,
        thumb,
        image.sha256,
    )


def strays_of(frames: Sequence[GoodFrame]) -> Strays:
    """The frames of another size or depth; where there is none, those with another figure."""
    names = [frame.name for frame in frames]
    if (misfits := of_another_size(names, [frame.size for frame in frames])).places:
        return misfits
    rules, figures, _ = measured(frames)
    return outliers(names, figures, rules)


def without_strays(frames: list[GoodFrame]) -> tuple[list[GoodFrame], tuple[str, ...]]:
    """The frames that belong together, and the names of the others.

    In two steps, sizes and figures, each looked at once: among what is left there would always be
    one that is a little apart.
    """
    kept = frames
    for _ in range(2):
        strays = strays_of(kept)
        kept = [frame for at, frame in enumerate(kept) if at not in strays.places]
        if not kept or not strays.of_size:
            break
    remaining = {id(frame) for frame in kept}
    return kept, tuple(frame.name for frame in frames if id(frame) not in remaining)


def faults_of_the_region(frames: Sequence[GoodFrame], current: Calibration) -> tuple[str, ...]:
    """Lines that name the frames that do not hold the region of `current`."""
    if current.roi is None:
        return ()
    x, y, width, height = current.roi
    return grouped(
        (
            frame.name,
            f"{frame.size} do not hold the region {width} x {height} at {x}, {y}",
        )
        for frame in frames
        if frame.region != (width, height)
    )


def measured(
    frames: Sequence[GoodFrame],
) -> tuple[tuple[BoundRule, ...], list[GateFigures], FramingReference | None]:
    """The rules for these frames and their figures; without a common place there is no framing."""
    figures, home = _figures(frames)
    largest = max((frame.region for frame in frames), key=lambda region: region[0] * region[1])
    return (LIGHT if home is None else (*LIGHT, *framing_rules(largest))), figures, home


def _figures(frames: Sequence[GoodFrame]) -> tuple[list[GateFigures], FramingReference | None]:
    """Every frame's figures against the mean thumbnail; no reference if the frames are not alike.

    Alike is judged on the median frame, so that one stray frame is named an outlier instead.
    """
    thumbs = np.stack([frame.thumb for frame in frames])
    home = reference(np.rint(thumbs.mean(axis=0)).astype(np.uint8))
    placed = []
    for frame in frames:
        place = locate(frame.thumb, home)
        width, height = frame.region
        shift = math.hypot(place.right * width, place.down * height)
        placed.append(replace(frame.figures, framing_score=place.score, framing_shift_px=shift))
    if median(frame.framing_score or 0.0 for frame in placed) < ALIKE:
        return [frame.figures for frame in frames], None
    return placed, home
