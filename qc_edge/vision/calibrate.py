"""A calibration proposed from known-good frames, or the reasons why they are refused.

Proposes only: nothing is written here, and a person decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from qc_edge.domain.calibration import (
    FOCUS_MIN,
    Calibration,
    FramingReference,
    GateBounds,
    calibration_id,
)
from qc_edge.vision.bounds import LIGHT, BoundRule, framing_rules
from qc_edge.vision.framing import locate, reference, thumbnail
from qc_edge.vision.gates import GateFigures, measure_figures
from qc_edge.vision.image import Gray, Image
from qc_edge.vision.prepare import PrepareParameters, crop, resize

FEWEST = 3
"""With fewer frames there is no spread to speak of, and no proposal."""

ENOUGH = 10
"""With fewer frames the proposal says that it rests on little."""

VALID_DAYS = 365
"""A calibration is due again after this many days unless the caller says otherwise."""

ALIKE = 0.5
"""Below this correlation good frames have no common place for the part: no framing gate."""


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


@dataclass(frozen=True, slots=True)
class BoundChange:
    """One bound: the old one, the proposed one, and the good frames' figures that it comes from."""

    bound: str
    old: float | None
    new: float
    lowest: float
    median: float
    highest: float
    looser: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A calibration ready to be written, or None with the `faults` that stand against it.

    `warnings` do not stand against it, but a person should read them.
    """

    calibration: Calibration | None
    changes: tuple[BoundChange, ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def sample(name: str, image: Image, current: Calibration) -> GoodFrame:
    """Measure one known-good frame in the region of the calibration in force."""
    region = crop(image.gray, current.roi)
    thumb = thumbnail(resize(image.gray, PrepareParameters(roi=current.roi)))
    height, width = region.shape
    figures = measure_figures(region, thumb, None)
    return GoodFrame(
        name, image.width, image.height, image.bit_depth, (width, height), figures, thumb
    )


def propose(
    samples: Iterable[GoodFrame],
    current: Calibration,
    *,
    now: datetime,
    made_by: str,
    source: str,
    valid_days: int = VALID_DAYS,
) -> Proposal:
    """The calibration that these good frames ask for, in place of `current`.

    The framing reference is the mean thumbnail; region and scale stay as they are. Refused when
    frames are fewer than `FEWEST`, differ in size or depth, do not hold the region, or stand apart
    from the others in any figure.
    """
    frames = list(samples)
    if faults := _faults_of_the_set(frames, current):
        return Proposal(None, (), faults, ())
    rules = (*LIGHT, *framing_rules(frames[0].region))
    figures, home = _figures(frames)
    if home is None:
        rules = LIGHT  # without a common place for the part there is nothing to bound
    if faults := _outliers(frames, figures, rules):
        return Proposal(None, (), faults, ())
    changes = tuple(_change(rule, figures, current.bounds) for rule in rules)
    made_at = now.replace(microsecond=0)
    proposed = replace(
        current,
        calibration_id=calibration_id(made_at, current.camera),
        made_at=made_at,
        made_by=made_by,
        due_at=made_at + timedelta(days=valid_days),
        source=source,
        width=frames[0].width,
        height=frames[0].height,
        bit_depth=frames[0].bit_depth,
        bounds=GateBounds(**{change.bound: change.new for change in changes}),
        framing=home,
        starting=False,
    )
    return Proposal(proposed, changes, (), _warnings(figures, changes, home, current))


def _faults_of_the_set(frames: Sequence[GoodFrame], current: Calibration) -> tuple[str, ...]:
    if len(frames) < FEWEST:
        return (
            f"only {len(frames)} frames: at least {FEWEST} are needed, {ENOUGH} or more are better",
        )
    kinds = Counter((frame.width, frame.height, frame.bit_depth) for frame in frames)
    usual = kinds.most_common(1)[0][0]
    faults = [
        f"{frame.name}: {frame.width} x {frame.height} pixels of {frame.bit_depth} bits, "
        f"the others have {usual[0]} x {usual[1]} of {usual[2]}"
        for frame in frames
        if (frame.width, frame.height, frame.bit_depth) != usual
    ]
    if not faults and current.roi is not None and frames[0].region != current.roi[2:]:
        x, y, width, height = current.roi
        faults.append(
            f"frames of {usual[0]} x {usual[1]} pixels do not hold the region {width} x {height} "
            f"at {x}, {y}"
        )
    return tuple(faults)


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


def _outliers(
    frames: Sequence[GoodFrame], figures: Sequence[GateFigures], rules: Sequence[BoundRule]
) -> tuple[str, ...]:
    strays: dict[str, list[str]] = {}
    for figure, rule in {rule.figure: rule for rule in rules}.items():
        values = rule.values(figures)
        for frame, value in zip(frames, values, strict=True):
            if rule.is_stray(value, values):
                why = (
                    f"{figure.replace('_', ' ')} {value:.4g} where the median is "
                    f"{median(values):.4g}"
                )
                strays.setdefault(frame.name, []).append(why)
    return tuple(
        f"{name} stands apart: {'; '.join(reasons)}; leave it out if it shows no good part as it "
        "should"
        for name, reasons in strays.items()
    )


def _change(rule: BoundRule, figures: Sequence[GateFigures], bounds: GateBounds) -> BoundChange:
    values = rule.values(figures)
    old, new = getattr(bounds, rule.bound), rule.propose(values)
    looser = old is not None and (new > old if rule.upper else new < old)
    return BoundChange(rule.bound, old, new, min(values), median(values), max(values), looser)


def _warnings(
    figures: Sequence[GateFigures],
    changes: Sequence[BoundChange],
    home: FramingReference | None,
    current: Calibration,
) -> tuple[str, ...]:
    warnings = []
    if len(figures) < ENOUGH:
        warnings.append(f"only {len(figures)} frames: {ENOUGH} or more are better")
    if home is None:
        warnings.append("no framing gate: the frames show the part in no common place")
    if (lowest := min(frame.focus for frame in figures)) < FOCUS_MIN:
        warnings.append(
            f"focus of a good frame is {lowest:.4g}, usual is {FOCUS_MIN:g} or more: is the lens "
            "sharp?"
        )
    if (most := max(frame.saturated_share for frame in figures)) > GateBounds().saturated_share_max:
        warnings.append(f"{most:.0%} of a good frame is saturated: is the exposure too long?")
    if not current.starting:
        warnings += [
            f"{change.bound} becomes looser: {change.old:g} to {change.new:g}"
            for change in changes
            if change.looser
        ]
    return tuple(warnings)
