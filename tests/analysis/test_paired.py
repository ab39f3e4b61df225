"""What is counted of pairs of scores: held against values from elsewhere and against exact
arithmetic.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.analysis.comparison.pairs import Crosstab, PairedScore, PairedScores
from qc_edge.analysis.comparison.plot import PlotLabels, plot_comparison
from qc_edge.analysis.statistics import mcnemar_p


def paired(
    a: float, b: float, is_defect: bool | None = None, *, at: tuple[float, float] = (0.5, 0.5)
) -> PairedScore:
    return PairedScore(f"{a:g}-{b:g}", "", "top", None, a, b, *at, is_defect)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    # by hand: twice the sum of C(n, 0..fewer) over 2 ** n
    [
        (5, 10, 2 * 4944 / 2**15),
        (0, 5, 2 / 2**5),
        (1, 11, 2 * 13 / 2**12),
        (20, 20, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemars_p_is_the_exact_one(one: int, other: int, p: float) -> None:
    assert mcnemar_p(one, other) == pytest.approx(p)
    assert mcnemar_p(other, one) == mcnemar_p(one, other)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_p_is_the_sum_of_binomial_terms(one: int, other: int) -> None:
    terms = sum(math.comb(one + other, count) for count in range(min(one, other) + 1))
    exact = min(1.0, float(2 * terms / 2 ** (one + other))) if one + other else 1.0
    assert mcnemar_p(one, other) == pytest.approx(exact, rel=1e-9)


def test_many_pairs_that_differ_are_no_trouble() -> None:
    # the normal approximation with its correction: z = 1999 / sqrt(100000)
    assert mcnemar_p(49_000, 51_000) == pytest.approx(2.6e-10, rel=0.05)


def test_kappa_is_cohens() -> None:
    # J. Cohen's measure for 20, 5, 10, 15 of 50: 0.7 seen, 0.5 by chance
    assert Crosstab(
        both_pass=15, both_fail=20, pass_to_fail=10, fail_to_pass=5
    ).kappa == pytest.approx(0.4)
    assert Crosstab(10, 0, 0, 0).kappa is None
    assert Crosstab(0, 0, 0, 0).kappa is None


def test_a_score_at_its_threshold_fails_on_either_side() -> None:
    pair = paired(0.5, 0.4999, at=(0.5, 0.5))
    assert pair.verdicts == ("FAIL", "PASS")
    assert pair.flips
    assert not paired(0.4, 0.4, at=(0.3, 0.4)).flips


def test_verdicts_are_counted_at_its_own_and_at_one_threshold() -> None:
    found = PairedScores(
        [paired(0.2, 0.6, at=(0.5, 0.7)), paired(0.8, 0.9, at=(0.5, 0.7)), paired(0.6, 0.1)]
    )
    assert found.verdicts == Crosstab(both_pass=1, both_fail=1, pass_to_fail=0, fail_to_pass=1)
    assert found.verdicts_at(0.5) == Crosstab(
        both_pass=0, both_fail=1, pass_to_fail=1, fail_to_pass=1
    )
    assert [pair.name for pair in found.flips] == ["0.6-0.1"]


def test_moves_are_told_by_their_size_and_the_largest_come_first() -> None:
    found = PairedScores([paired(0.1, 0.1), paired(0.2, 0.3), paired(0.9, 0.5)])
    assert found.shift is not None
    assert found.shift.unmoved == 1
    assert found.shift.largest == pytest.approx(0.4)
    assert found.shift.mean == pytest.approx(-0.1)
    assert found.shift.mean_distance == pytest.approx(0.5 / 3)
    assert [pair.name for pair in found.largest(5)] == ["0.9-0.5", "0.2-0.3"]
    assert PairedScores([]).shift is None


def test_labels_say_which_of_the_two_was_right() -> None:
    found = PairedScores(
        [
            paired(0.2, 0.8, True),
            paired(0.3, 0.9, True),
            paired(0.9, 0.1, False),  # B alone is right
            paired(0.1, 0.9, False),  # A alone is right
            paired(0.9, 0.9, True),
            paired(0.9, 0.8, False),
            paired(0.1, 0.9),  # both, neither, nobody looked
        ]
    )
    rights = found.discordant
    assert (rights.labelled, rights.only_a, rights.only_b) == (6, 1, 3)
    assert rights.p == mcnemar_p(1, 3)
    a, b = found.label_outcomes
    assert (a.escapes.count, a.escapes.of, a.overkill.count, a.overkill.of) == (2, 3, 2, 3)
    assert (b.escapes.count, b.overkill.count) == (0, 2)


def test_the_picture_shows_flips_in_another_colour_and_every_difference() -> None:
    found = PairedScores([paired(0.1, 0.2), paired(0.2, 0.7), paired(0.9, 0.9)])
    names = PlotLabels("one and other", "one", "other", 0.5, 0.6)
    svg = plot_comparison(names, found).svg()
    assert svg.count("<circle") == 3
    for words in (
        "3 inputs scored by both, 1 verdicts flip",
        "score by other",
        "A 0.5",
        "B 0.6",
        "+0.5",
    ):
        assert words in svg
    assert "<circle" in plot_comparison(names, PairedScores([paired(0.3, 0.3)])).svg()
