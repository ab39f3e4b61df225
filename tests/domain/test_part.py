"""One disposition from several views: each rule, over every combination of what views can say."""

from __future__ import annotations

from itertools import product

import pytest

from qc_edge.domain.parts.rules import (
    OF_THE_PART,
    ExpectedView,
    PartReason,
    PartRule,
    PartRules,
    SeenView,
    decide_part,
    rule_from_text,
)
from qc_edge.domain.verdict import Disposition, HoldReason, Verdict

ACCEPT, REJECT, HOLD = Disposition.ACCEPT, Disposition.REJECT, Disposition.HOLD
SAYS: list[tuple[Verdict, HoldReason | None] | None] = [
    None,  # it did not come
    (Verdict.INVALID, None),
    *product((Verdict.PASS, Verdict.FAIL), (None, *HoldReason)),
]
TWO = (ExpectedView("above"), ExpectedView("beside"))
RULES = [
    PartRules(),
    PartRules(rule=PartRule.K_OF_N, fail_at=2),
    PartRules(rule=PartRule.WEIGHTED, weights={"above": 3.0}, reject_at=0.5),
]


def view(
    name: str, said: tuple[Verdict, HoldReason | None], score: float | None = None
) -> SeenView:
    verdict, hold = said
    usual = {Verdict.PASS: 0.1, Verdict.FAIL: 0.9, Verdict.INVALID: None}[verdict]
    return SeenView(name, verdict, "why", hold, usual if score is None else score)


def decided(
    rules: PartRules, *said: tuple[Verdict, HoldReason | None] | None
) -> tuple[Disposition, str]:
    seen = [view(each.name, one) for each, one in zip(TWO, said, strict=True) if one is not None]
    decision = decide_part(rules, TWO, seen)
    return decision.disposition, str(decision.reason)


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: str(rules.rule))
def test_nothing_but_two_views_that_pass_or_may_fail_is_accepted(rules: PartRules) -> None:
    for said in product(SAYS, SAYS):
        disposition, _ = decided(rules, *said)
        judged = all(
            one is not None and one[0] is not Verdict.INVALID and not one[1] for one in said
        )
        fails = sum(one is not None and one[0] is Verdict.FAIL for one in said)
        tolerated = {PartRule.WORST: 0, PartRule.K_OF_N: 1, PartRule.WEIGHTED: 1}[rules.rule]
        if disposition is ACCEPT:
            assert judged
            assert fails <= tolerated, said
        if judged and not fails:
            assert disposition is ACCEPT, said
        if any(one is not None and one[1] in OF_THE_PART for one in said):
            assert disposition is HOLD, said


def test_by_the_worst_view_any_fail_rejects_and_else_anything_unsure_holds() -> None:
    sure_fail = {(Verdict.FAIL, None), (Verdict.FAIL, HoldReason.LATE)}
    for said in product(SAYS, SAYS):
        disposition, reason = decided(PartRules(), *said)
        if any(one is not None and one[1] in OF_THE_PART for one in said):
            assert (disposition, reason in map(str, OF_THE_PART)) == (HOLD, True)
        elif sure_fail & {one for one in said if one is not None}:
            assert (disposition, reason) == (REJECT, "view_fails"), said
        elif all(one == (Verdict.PASS, None) for one in said):
            assert (disposition, reason) == (ACCEPT, "all_views_pass")
        else:
            assert disposition is HOLD, said
            if None in said:
                assert reason == "view_missing"


def test_one_fail_of_two_is_not_enough_for_two_of_n_and_two_are() -> None:
    rules = PartRules(rule=PartRule.K_OF_N, fail_at=2)
    good, bad = (Verdict.PASS, None), (Verdict.FAIL, None)
    assert decided(rules, good, bad) == (ACCEPT, "fewer_than_k_fail")
    assert decided(rules, bad, bad) == (REJECT, "k_views_fail")
    assert decided(rules, bad, None) == (HOLD, "view_missing")
    assert decided(rules, bad, (Verdict.INVALID, None)) == (HOLD, "view_invalid")


def test_a_part_whose_views_all_fail_is_rejected_though_the_rule_was_written_for_more() -> None:
    """A recipe may have fewer views than [part] has in mind, and one that is optional may miss."""
    rules = PartRules(rule=PartRule.K_OF_N, fail_at=3)
    good, bad = (Verdict.PASS, None), (Verdict.FAIL, None)
    assert decided(rules, bad, bad) == (REJECT, "k_views_fail")
    assert decided(rules, good, bad) == (ACCEPT, "fewer_than_k_fail")
    assert decided(rules, bad, None) == (HOLD, "view_missing")
    optional = (ExpectedView("above"), ExpectedView("inside", required=False))
    assert decide_part(rules, optional, [view("above", bad)]).disposition is REJECT


def test_a_weighted_mean_rejects_where_it_is_reached_whatever_is_missing() -> None:
    rules = PartRules(rule=PartRule.WEIGHTED, weights={"above": 3.0}, reject_at=0.5)
    good, bad = (Verdict.PASS, None), (Verdict.FAIL, None)
    assert decided(rules, bad, good) == (REJECT, "weighted_score_reaches")  # (2.7 + 0.1) / 4
    assert decided(rules, good, bad) == (ACCEPT, "weighted_score_below")  # (0.3 + 0.9) / 4
    assert decided(rules, bad, None) == (REJECT, "weighted_score_reaches")  # 2.7 / 4
    assert decided(rules, None, bad) == (HOLD, "view_missing")


def test_a_view_that_need_not_come_is_not_missed_and_counts_where_it_comes() -> None:
    expected = (ExpectedView("above"), ExpectedView("inside", required=False))
    above = view("above", (Verdict.PASS, None))
    assert decide_part(PartRules(), expected, [above]).disposition is ACCEPT
    for said, disposition in (
        ((Verdict.FAIL, None), REJECT),
        ((Verdict.INVALID, None), HOLD),
        ((Verdict.PASS, HoldReason.LEARNING), HOLD),
    ):
        decision = decide_part(PartRules(), expected, [above, view("inside", said)])
        assert decision.disposition is disposition


def test_a_doubt_about_the_part_holds_it_though_a_view_fails_and_the_words_name_all() -> None:
    seen = [view("above", (Verdict.FAIL, None)), view("beside", (Verdict.PASS, None))]
    holds: dict[PartReason | HoldReason, str] = {
        PartReason.VIEWS_DISAGREE: "numbers do not fit",
        HoldReason.LATE: "1,200 ms",
    }
    decision = decide_part(PartRules(), TWO, seen, holds)
    assert (decision.disposition, decision.reason) == (HOLD, HoldReason.LATE)
    for words in ("numbers do not fit", "1,200 ms", "above FAIL", "beside PASS"):
        assert words in decision.detail


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: str(rules.rule))
def test_a_rule_is_read_again_from_its_row(rules: PartRules) -> None:
    again = rule_from_text(rules.text(TWO))
    seen = [view("above", (Verdict.FAIL, None)), view("beside", (Verdict.PASS, None))]
    assert decide_part(again, TWO, seen) == decide_part(rules, TWO, seen)
    with pytest.raises(ValueError, match="best"):
        rule_from_text("best")
