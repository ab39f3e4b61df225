"""One disposition for a part that several views have seen: the rules that decide it.

Pure: reads no clock and no file. Whatever is missing, doubtful or not judged holds the part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from qc_edge.domain.verdict import Disposition, HoldReason, Verdict


class PartReason(str, Enum):
    """Why a part is accepted, rejected or held; beside these, the reasons to hold a view."""

    ALL_VIEWS_PASS = "all_views_pass"  # noqa: S105
    VIEW_FAILS = "view_fails"
    K_VIEWS_FAIL = "k_views_fail"
    FEWER_THAN_K_FAIL = "fewer_than_k_fail"
    WEIGHTED_SCORE_REACHES = "weighted_score_reaches"
    WEIGHTED_SCORE_BELOW = "weighted_score_below"
    VIEW_INVALID = "view_invalid"
    VIEW_MISSING = "view_missing"
    VIEWS_DISAGREE = "views_disagree"

    __str__ = str.__str__


class PartRule(str, Enum):
    """How the verdicts of the views make one disposition."""

    WORST = "worst"
    K_OF_N = "k_of_n"
    WEIGHTED = "weighted"

    __str__ = str.__str__


OF_THE_PART = frozenset(
    {
        *(HoldReason.CHALLENGE, HoldReason.CHALLENGE_DUE),
        *(HoldReason.RECOVERED, HoldReason.IMPOSSIBLE_TIME, HoldReason.UNKNOWN_AGE),
        *(HoldReason.NO_PART_ID, HoldReason.DOUBTFUL_SIDECAR),
        *(HoldReason.REPEATED_PART_ID, HoldReason.REPEATED_FRAME),
    }
)
"""What doubts the part itself, its time or its identity: it is held even where a view FAILs."""


@dataclass(frozen=True, slots=True)
class PartRules:
    """How views become a part, and their verdicts its disposition. Times in milliseconds.

    By id, or (`by_trigger`) by the time of their exposures: those within `window_ms` are of one
    part. A part waits `wait_ms` from its first exposure for its views. Of `k_of_n`, `fail_at` is k;
    of `weighted`, a view without a weight weighs 1, and the mean is rejected at `reject_at`.
    """

    by_trigger: bool = False
    window_ms: float = 500.0
    wait_ms: float = 750.0
    rule: PartRule = PartRule.WORST
    fail_at: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    reject_at: float = 0.5

    def text(self, expected: Sequence[ExpectedView]) -> str:
        """The rule as the rows have it; `rule_from_text` reads it."""
        if self.rule is PartRule.K_OF_N:
            return f"{self.rule} {self.fail_at}"
        if self.rule is PartRule.WEIGHTED:
            weights = " ".join(f"{each.name}={self.weight(each.name):g}" for each in expected)
            return f"{self.rule} {self.reject_at:g} {weights}"
        return str(self.rule)

    def weight(self, view: str) -> float:
        """The weight of a view in the mean."""
        return self.weights.get(view, 1.0)


def rule_from_text(text: str) -> PartRules:
    """The inverse of `PartRules.text`. Raises ValueError on what is no rule."""
    name, *more = text.split()
    rule = PartRule(name)
    if rule is PartRule.K_OF_N:
        (fail_at,) = more
        return PartRules(rule=rule, fail_at=int(fail_at))
    if rule is PartRule.WEIGHTED:
        weights = {view: float(weight) for view, weight in (each.split("=") for each in more[1:])}
        return PartRules(rule=rule, reject_at=float(more[0]), weights=weights)
    return PartRules()


@dataclass(frozen=True, slots=True)
class ExpectedView:
    """A view that a part is to have; without a `required` one it is incomplete."""

    name: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class SeenView:
    """What one view says of a part: the verdict of its inspection, and why it is held if it is."""

    view: str
    verdict: Verdict
    reason: str
    hold_reason: HoldReason | None = None
    score: float | None = None

    @property
    def fails(self) -> bool:
        """True if it says FAIL, and nothing doubts that it can judge: late or not."""
        return self.verdict is Verdict.FAIL and self.hold_reason in {None, HoldReason.LATE}

    @property
    def passes(self) -> bool:
        """True if it says PASS and is not held."""
        return self.verdict is Verdict.PASS and self.hold_reason is None


@dataclass(frozen=True, slots=True)
class PartDecision:
    """What the line is told of a part, and why, as a stable code and in words."""

    disposition: Disposition
    reason: PartReason | HoldReason
    detail: str
    score: float | None = None


def decide_part(
    rules: PartRules,
    expected: Sequence[ExpectedView],
    seen: Sequence[SeenView],
    holds: Mapping[PartReason | HoldReason, str] | None = None,
) -> PartDecision:
    """The decision on a part from what its views say.

    `holds` doubt the part itself: held whatever the views say, in these words. By each rule, a part
    is accepted only if every required view is there and every view that is there was judged.
    """
    doubts = dict(holds or {})
    for view in seen:
        if view.hold_reason in OF_THE_PART and view.hold_reason not in doubts:
            doubts[view.hold_reason] = f"view {view.view} is held: {view.hold_reason}"
    said = _words(seen)
    if doubts:
        reason = min(doubts, key=_rank)
        return _hold(reason, "; ".join([doubts[each] for each in sorted(doubts, key=_rank)] + said))
    score = _weighted(rules, expected, seen) if rules.rule is PartRule.WEIGHTED else None
    fail_at = _fail_at(rules, expected, seen)
    if (rejected := _rejected(rules, seen, fail_at, score)) is not None:
        code, words = rejected
        return PartDecision(Disposition.REJECT, code, "; ".join([words, *said]), score)
    if missing := missing_views(expected, seen):
        return _hold(PartReason.VIEW_MISSING, "; ".join([f"no view {', '.join(missing)}", *said]))
    if held := [view for view in seen if view.hold_reason is not None]:
        worst = min(held, key=lambda view: _rank(view.hold_reason))
        assert worst.hold_reason is not None  # noqa: S101
        return _hold(worst.hold_reason, "; ".join(said))
    if any(view.verdict is Verdict.INVALID for view in seen):
        return _hold(PartReason.VIEW_INVALID, "; ".join(said))
    code, words = _accepted(rules, fail_at, score)
    return PartDecision(Disposition.ACCEPT, code, "; ".join([words, *said]), score)


def missing_views(expected: Sequence[ExpectedView], seen: Sequence[SeenView]) -> list[str]:
    """The required views that are not there, in the order of the settings."""
    there = {view.view for view in seen}
    return [each.name for each in expected if each.required and each.name not in there]


def _fail_at(rules: PartRules, expected: Sequence[ExpectedView], seen: Sequence[SeenView]) -> int:
    """How many views of this part must FAIL: never more than it has, or none would ever be enough.

    A recipe may have fewer views than the rule was written for, and an optional one may be missing.
    """
    names = {view.view for view in seen} | {each.name for each in expected if each.required}
    return min(rules.fail_at, max(1, len(names)))


def _rejected(
    rules: PartRules, seen: Sequence[SeenView], fail_at: int, score: float | None
) -> tuple[PartReason, str] | None:
    fails = [view.view for view in seen if view.fails]
    if rules.rule is PartRule.WORST and fails:
        return PartReason.VIEW_FAILS, f"{', '.join(fails)}: FAIL"
    if rules.rule is PartRule.K_OF_N and len(set(fails)) >= fail_at:
        words = f"{len(set(fails))} views FAIL, {fail_at} are enough"
        return PartReason.K_VIEWS_FAIL, words
    if score is not None and score >= rules.reject_at:
        words = f"weighted score {score:.4f} reaches {rules.reject_at:g}"
        return PartReason.WEIGHTED_SCORE_REACHES, words
    return None


def _accepted(rules: PartRules, fail_at: int, score: float | None) -> tuple[PartReason, str]:
    if rules.rule is PartRule.K_OF_N:
        return PartReason.FEWER_THAN_K_FAIL, f"fewer than {fail_at} views FAIL"
    if rules.rule is PartRule.WEIGHTED:
        words = f"weighted score {score or 0.0:.4f} is below {rules.reject_at:g}"
        return PartReason.WEIGHTED_SCORE_BELOW, words
    return PartReason.ALL_VIEWS_PASS, "every view passes"


def _weighted(
    rules: PartRules, expected: Sequence[ExpectedView], seen: Sequence[SeenView]
) -> float:
    """The weighted mean of the scores; what is missing or not judged counts as 0, so that it alone
    never rejects: whatever it says, the part would have been rejected.
    """
    scores: dict[str, float] = {}
    for view in seen:
        judged = view.score is not None and (view.passes or view.fails or view.hold_reason is None)
        scores[view.view] = max(scores.get(view.view, 0.0), view.score or 0.0 if judged else 0.0)
    names = {*scores, *(each.name for each in expected if each.required)}
    weight = sum(rules.weight(name) for name in names)
    total = sum(rules.weight(name) * scores.get(name, 0.0) for name in names)
    return total / weight if weight else 0.0


def _words(seen: Sequence[SeenView]) -> list[str]:
    return [
        f"{view.view} {view.verdict} ({view.hold_reason or view.reason})"
        for view in sorted(seen, key=lambda view: view.view)
    ]


_ORDER = {
    str(code): rank
    for rank, code in enumerate(
        [*HoldReason, PartReason.VIEWS_DISAGREE, PartReason.VIEW_MISSING, PartReason.VIEW_INVALID]
    )
}


def _rank(code: PartReason | HoldReason | None) -> int:
    return _ORDER[str(code)]


def _hold(reason: PartReason | HoldReason, detail: str) -> PartDecision:
    return PartDecision(Disposition.HOLD, reason, detail)
