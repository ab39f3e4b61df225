"""What a threshold does to the past: verdicts, escapes, overkill and their cost, before and
after.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qc_edge.domain.history import Flip, LabelledPart, ModelUsage, Totals

Z = 1.959964
"""The normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with its 95 % interval of Wilson; all None where there is nothing to
    count.
    """

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0..1."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Low and high end.

        E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927;
        unlike the usual one it holds for small counts and for none at all.
        """
        if not self.of:
            return None
        k, n, square = self.count, self.of, Z * Z
        middle = k + square / 2
        spread = Z * math.sqrt(k * (n - k) / n + square / 4)
        return max(0.0, (middle - spread) / (n + square)), min(
            1.0, (middle + spread) / (n + square)
        )


@dataclass(frozen=True, slots=True)
class Costs:
    """What one escape and one good part thrown away cost, in whatever money."""

    escape: float
    overkill: float

    def of(self, against: LabelOutcome) -> float:
        """The cost of the labelled parts' errors."""
        return self.escape * against.escapes.count + self.overkill * against.overkill.count


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """Verdicts against labels: escapes among the defects, overkill among the good parts."""

    escapes: Share
    overkill: Share


@dataclass(frozen=True, slots=True)
class ThresholdImpact:
    """The answer to `qc-edge replay --threshold`. `flips` are the newest of `totals`' flipped
    parts.
    """

    threshold: float
    totals: Totals
    judged: tuple[ModelUsage, ...]
    before: LabelOutcome
    after: LabelOutcome
    costs: Costs | None
    flips: tuple[Flip, ...]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Parts by verdict: before, after."""
        totals = self.totals
        more = totals.pass_to_fail - totals.fail_to_pass
        return {
            "PASS": (totals.passed, totals.passed - more),
            "FAIL": (totals.failed, totals.failed + more),
            "INVALID": (totals.invalid, totals.invalid),
        }

    @property
    def models(self) -> tuple[str, ...]:
        """The models that judged, the most recent last."""
        return tuple(dict.fromkeys(each.model for each in self.judged))

    @property
    def threshold_before(self) -> float | None:
        """The threshold that judged last."""
        return self.judged[-1].threshold if self.judged else None


def against(labelled: Iterable[LabelledPart], threshold: float | None) -> LabelOutcome:
    """Labelled parts as stored (None), or as `threshold` judges their scores."""
    escapes = defects = overkill = goods = 0
    for part in labelled:
        failed = part.verdict == "FAIL" if threshold is None else part.score >= threshold
        defects += part.is_defect
        goods += not part.is_defect
        escapes += part.is_defect and not failed
        overkill += failed and not part.is_defect
    return LabelOutcome(Share(escapes, defects), Share(overkill, goods))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One threshold on the operating curve: shares of escapes among defects, of overkill among good
    parts.
    """

    threshold: float
    escape_rate: float
    overkill_rate: float


def operating_curve(labelled: Sequence[LabelledPart]) -> list[OperatingPoint]:
    """Every threshold that makes a difference, lowest first; empty unless both kinds are
    labelled.
    """
    defects = sum(part.is_defect for part in labelled)
    goods = len(labelled) - defects
    if not defects or not goods:
        return []
    points, escapes, overkill = [OperatingPoint(0.0, 0.0, 1.0)], 0, goods
    ordered = sorted(labelled, key=lambda part: part.score)
    for index, part in enumerate(ordered):
        escapes += part.is_defect
        overkill -= not part.is_defect
        following = (
            ordered[index + 1].score
            if index + 1 < len(ordered)
            else math.nextafter(part.score, 2.0)
        )
        if following > part.score:
            points.append(OperatingPoint(following, escapes / defects, overkill / goods))
    return points


def cheapest(labelled: Sequence[LabelledPart], costs: Costs) -> float | None:
    """The threshold at which the labelled parts would have cost least; None without both kinds.

    In the middle between the scores on its two sides, where there is room.
    """
    points = operating_curve(labelled)
    if not points:
        return None
    defects = sum(part.is_defect for part in labelled)
    goods = len(labelled) - defects

    def cost(point: OperatingPoint) -> float:
        return (
            costs.escape * point.escape_rate * defects
            + costs.overkill * point.overkill_rate * goods
        )

    best = min(points, key=cost)
    below = max(
        (part.score for part in labelled if part.score < best.threshold), default=best.threshold
    )
    return min(1.0, (best.threshold + below) / 2)
