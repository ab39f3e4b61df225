"""Verdicts against labels: how many escapes and how much overkill, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from qc_edge.analysis.statistics import Share
from qc_edge.domain.history import LabelledPart
from qc_edge.errors import UsageError


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """Escapes among the parts labelled defective, overkill among those labelled good."""

    escapes: Share
    overkill: Share


@dataclass(frozen=True, slots=True)
class Costs:
    """What one escape and one good part thrown away cost, both in the same currency."""

    escape: float
    overkill: float

    @classmethod
    def from_options(cls, escape: float | None, overkill: float | None) -> Costs | None:
        """The costs of a command's two options; None if neither was given.

        Raises UsageError if only one was given, or one is negative or not finite.
        """
        if escape is None and overkill is None:
            return None
        if escape is None or overkill is None:
            raise UsageError("a cost needs both sides", hint="--cost-escape C --cost-overkill C")
        if not all(math.isfinite(cost) and cost >= 0 for cost in (escape, overkill)):
            raise UsageError(f"costs are numbers from 0 on, not {escape:g} and {overkill:g}")
        return cls(escape, overkill)

    def total(self, outcome: LabelOutcome) -> float:
        """What the errors among the labelled parts cost together."""
        return self.escape * outcome.escapes.count + self.overkill * outcome.overkill.count


def label_outcome(labelled: Iterable[LabelledPart], threshold: float | None = None) -> LabelOutcome:
    """Count the errors among labelled parts: of `threshold` on their scores, or as stored (None).

    The stored verdict is not always what one threshold gives: the threshold in force changes with
    time.
    """
    escapes = defects = overkill = goods = 0
    for part in labelled:
        failed = part.verdict == "FAIL" if threshold is None else part.score >= threshold
        defects += part.is_defect
        goods += not part.is_defect
        escapes += part.is_defect and not failed
        overkill += failed and not part.is_defect
    return LabelOutcome(Share(escapes, defects), Share(overkill, goods))
