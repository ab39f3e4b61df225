"""A calibration proposed from known-good frames, or the reasons why they are refused.

Proposes only: nothing is written here, and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from qc_edge.domain.calibration import (
    FOCUS_MIN,
    Calibration,
    FramingReference,
    GateBounds,
    calibration_id,
)
from qc_edge.vision.bounds import BoundRule
from qc_edge.vision.frame_set import (
    FEWEST,
    MOST_LEFT_OUT,
    GoodFrame,
    faults_of_the_region,
    measured,
    strays_of,
    without_strays,
)
from qc_edge.vision.gates import GateFigures
from qc_edge.vision.strays import copies, names_of, sizes_vary

ENOUGH = 10
"""With fewer frames the proposal says that it rests on little."""

VALID_DAYS = 365
"""A calibration is due again after this many days unless the caller says otherwise."""


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


def propose(
    samples: Iterable[GoodFrame],
    current: Calibration,
    *,
    now: datetime,
    made_by: str,
    source: str,
    valid_days: int = VALID_DAYS,
    leave_out: bool = False,
) -> Proposal:
    """The calibration that these good frames ask for, in place of `current`.

    The framing reference is the mean thumbnail; region and scale stay as they are. Refused when
    frames are fewer than `FEWEST`, differ in size or depth, do not hold the region, or stand apart
    from the others in any figure. With `leave_out` those are left out instead, a tenth of the
    frames at most. Where no size is usual, the record has the range of sizes.
    """
    frames = list(samples)
    if len(frames) < FEWEST:
        return Proposal(None, (), (_too_few(len(frames)),), ())
    left_out: tuple[str, ...] = ()
    if leave_out:
        kept, left_out = without_strays(frames)
        if len(left_out) > MOST_LEFT_OUT * len(frames) or len(kept) < FEWEST:
            return Proposal(None, (), (*strays_of(frames).reasons, _too_many(left_out, frames)), ())
        frames = kept
    elif faults := strays_of(frames).reasons:
        return Proposal(None, (), faults, ())
    if faults := faults_of_the_region(frames, current):
        return Proposal(None, (), faults, ())
    rules, figures, home = measured(frames)
    changes = tuple(_change(rule, figures, current.bounds) for rule in rules)
    made_at = now.replace(microsecond=0)
    first = frames[0]
    sizes = _size_range(frames) if sizes_vary([frame.size for frame in frames]) else None
    proposed = replace(
        current,
        calibration_id=calibration_id(made_at, current.camera),
        made_at=made_at,
        made_by=made_by,
        due_at=made_at + timedelta(days=valid_days),
        source=source,
        width=None if sizes else first.width,
        height=None if sizes else first.height,
        sizes=sizes,
        bit_depth=first.bit_depth,
        bounds=GateBounds(**{change.bound: change.new for change in changes}),
        framing=home,
        starting=False,
        learning=None,
    )
    warnings = _warnings(frames, figures, changes, home, current)
    if left_out:
        said = f"{len(left_out)} frames stand apart and are left out: {names_of(left_out)}"
        warnings = (said, *warnings)
    return Proposal(proposed, changes, (), warnings)


def _too_few(count: int) -> str:
    return f"only {count} frames: at least {FEWEST} are needed, {ENOUGH} or more are better"


def _size_range(frames: Sequence[GoodFrame]) -> tuple[int, int, int, int]:
    """From the least to the most width and height, each a tenth further: the next part differs."""
    widths, heights = [frame.width for frame in frames], [frame.height for frame in frames]
    least = max(1, min(widths) * 9 // 10), max(1, min(heights) * 9 // 10)
    return (*least, -(-max(widths) * 11 // 10), -(-max(heights) * 11 // 10))


def _change(rule: BoundRule, figures: Sequence[GateFigures], bounds: GateBounds) -> BoundChange:
    values = rule.values(figures)
    old, new = getattr(bounds, rule.bound), rule.propose(values)
    looser = old is not None and (new > old if rule.upper else new < old)
    return BoundChange(rule.bound, old, new, min(values), median(values), max(values), looser)


def _warnings(
    frames: Sequence[GoodFrame],
    figures: Sequence[GateFigures],
    changes: Sequence[BoundChange],
    home: FramingReference | None,
    current: Calibration,
) -> tuple[str, ...]:
    warnings = []
    if said := copies([frame.name for frame in frames], [frame.sha256 for frame in frames]):
        warnings.append(said)
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


def _too_many(left_out: Sequence[str], frames: Sequence[GoodFrame]) -> str:
    return f"{len(left_out)} of {len(frames)} frames stand apart: more than a tenth is no set"
