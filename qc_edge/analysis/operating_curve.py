"""Escapes against overkill for every threshold that makes a difference, and the cheapest of them.

Counts labelled parts only: of the others nobody knows what they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.analysis.label_outcome import Costs
from qc_edge.domain.history import LabelledPart


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold, the share of escapes among defects, and of overkill among good parts (0..1)."""

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
        # A score at the threshold FAILs, so this part passes only above its own score: the point
        # stands at the next score, and past the highest one at the next number that there is.
        is_last = index + 1 == len(ordered)
        following = math.nextafter(part.score, 2.0) if is_last else ordered[index + 1].score
        if following > part.score:  # parts with one score pass together: one point for all of them
            points.append(OperatingPoint(following, escapes / defects, overkill / goods))
    return points


def cheapest_threshold(labelled: Sequence[LabelledPart], costs: Costs) -> float | None:
    """The threshold at which the labelled parts would have cost least; None without both kinds.

    It lies midway between the scores on its two sides: any threshold between them costs the same
    on these labels, and the middle is furthest from turning either part over.
    """
    points = operating_curve(labelled)
    if not points:
        return None
    defects = sum(part.is_defect for part in labelled)
    goods = len(labelled) - defects

    def cost(point: OperatingPoint) -> float:
        escapes, overkill = point.escape_rate * defects, point.overkill_rate * goods
        return costs.escape * escapes + costs.overkill * overkill

    best = min(points, key=cost)
    scores_below = (part.score for part in labelled if part.score < best.threshold)
    below = max(scores_below, default=best.threshold)
    middle = (best.threshold + below) / 2
    # Of two neighbouring numbers the middle rounds to one of them: to the lower one it would FAIL
    # what is to pass.
    return min(1.0, middle if middle > below else best.threshold)
