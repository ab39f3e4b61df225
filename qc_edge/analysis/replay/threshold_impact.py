"""What another threshold or model would have done: verdicts and errors before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone, tzinfo

from qc_edge.analysis.label_outcome import Costs, LabelOutcome
from qc_edge.domain.history import Flip, ModelUsage, ThresholdSpan, Totals


@dataclass(frozen=True, slots=True)
class ThresholdImpact:
    """The figures of a replay.

    `threshold` (0..1) is the new one, `totals` the stored verdicts and how many flip. `model_usage`
    says which models and thresholds judged, the most recent last, `thresholds_then` when, by their
    beginning. `before` and `after` are the errors against labels. `flips` are the worst of the
    parts that flip, as many as were requested. `zone` is the station's, in which a person reads
    the times, which are aware UTC here.
    """

    threshold: float
    totals: Totals
    model_usage: tuple[ModelUsage, ...]
    before: LabelOutcome
    after: LabelOutcome
    costs: Costs | None
    flips: tuple[Flip, ...]
    thresholds_then: tuple[ThresholdSpan, ...] = ()
    zone: tzinfo = timezone.utc

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Parts by verdict, before and after. INVALID frames have no score and never flip."""
        totals = self.totals
        more_fail = totals.pass_to_fail - totals.fail_to_pass
        return {
            "PASS": (totals.passed, totals.passed - more_fail),
            "FAIL": (totals.failed, totals.failed + more_fail),
            "INVALID": (totals.invalid, totals.invalid),
        }

    @property
    def flip_count(self) -> int:
        """How many verdicts flip, listed in `flips` or not."""
        return self.totals.pass_to_fail + self.totals.fail_to_pass

    @property
    def labelled(self) -> int:
        """How many of the judged parts are labelled."""
        return self.before.escapes.of + self.before.overkill.of

    @property
    def models(self) -> tuple[str, ...]:
        """The models that judged, NAME@VERSION, the most recent last."""
        return tuple(dict.fromkeys(usage.model for usage in self.model_usage))

    @property
    def threshold_before(self) -> float | None:
        """The threshold that judged last; None if nothing was judged."""
        return self.model_usage[-1].threshold if self.model_usage else None
