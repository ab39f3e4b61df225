"""The rules by which the figures of known-good frames become gate bounds: one for each bound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from qc_edge.vision.gates import GateFigures

STRAY_RATIO = 3.0
"""Focus or contrast this many times off the median is no good frame among good ones."""

_SIGMAS = 6.0
_SIGMA_PER_MAD = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class BoundRule:
    """How one figure of the good frames gives one bound.

    The margin is the largest of six standard deviations, `share` of the median and `least`; the
    bound is a margin beyond the outermost frame (downwards at most to its half), within `limits`; a
    stray frame is two margins off the median. Figures that multiply with light and texture
    (`scales`: focus, contrast) are bounded at half the lowest, and a stray frame is `STRAY_RATIO`
    times off.
    """

    bound: str
    figure: str
    upper: bool
    share: float = 0.0
    least: float = 0.0
    scales: bool = False
    limits: tuple[float, float] = (0.0, math.inf)

    def values(self, figures: Iterable[GateFigures]) -> list[float]:
        """This rule's figure of each frame."""
        return [float(getattr(frame, self.figure)) for frame in figures]

    def margin(self, values: Sequence[float]) -> float:
        """How far beyond good frames the bound lies."""
        # By the median absolute deviation: one stray frame must not widen the bounds for itself.
        middle = median(values)
        sigma = _SIGMA_PER_MAD * median(abs(value - middle) for value in values)
        return max(_SIGMAS * sigma, self.share * abs(middle), self.least)

    def is_stray(self, value: float, values: Sequence[float]) -> bool:
        """True for a figure that no good frame among these good ones has."""
        middle = median(values)
        if self.scales:
            return not middle <= value * STRAY_RATIO <= middle * STRAY_RATIO**2
        return abs(value - middle) > 2 * self.margin(values)

    def propose(self, values: Sequence[float]) -> float:
        """The bound that these good frames ask for, to four digits."""
        if self.scales:
            new = min(values) / 2
        elif self.upper:
            new = max(values) + self.margin(values)
        else:
            # Lamps of very different strength make wide margins; below half the darkest frame the
            # lamp is out.
            new = max(min(values) - self.margin(values), min(values) / 2)
        low, high = self.limits
        return float(f"{min(max(new, low), high):.4g}")


_GRAYS, _SHARES = (0.0, 255.0), (0.0, 1.0)

LIGHT = (
    BoundRule("brightness_min", "brightness", upper=False, share=0.15, least=5.0, limits=_GRAYS),
    BoundRule("brightness_max", "brightness", upper=True, share=0.15, least=5.0, limits=_GRAYS),
    BoundRule("contrast_min", "contrast", upper=False, scales=True),
    BoundRule("saturated_share_max", "saturated_share", upper=True, least=0.02, limits=_SHARES),
    BoundRule("black_share_max", "black_share", upper=True, least=0.02, limits=_SHARES),
    BoundRule("focus_min", "focus", upper=False, scales=True),
)


def framing_rules(region: tuple[int, int]) -> tuple[BoundRule, ...]:
    """The rules for where the part lies in a region of this width and height (pixels)."""
    return (
        BoundRule(
            "framing_score_min", "framing_score", upper=False, least=0.15, limits=(-1.0, 1.0)
        ),
        BoundRule("framing_shift_max", "framing_shift_px", upper=True, least=0.02 * max(region)),
    )
