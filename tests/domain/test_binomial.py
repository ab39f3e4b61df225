"""The binomial distribution against its own terms, and the limits of a control chart."""

from __future__ import annotations

import math

import pytest

from qc_edge.domain.reporting.binomial import at_most, control_limits, exact_interval


def summed(count: int, of: int, share: float) -> float:
    """The sum of the terms, which is slow and sure."""
    return math.fsum(
        math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count + 1)
    )


@pytest.mark.parametrize("of", [1, 2, 17, 200])
@pytest.mark.parametrize("share", [0.001, 0.03, 0.5, 0.97])
def test_a_probability_is_the_sum_of_its_terms(of: int, share: float) -> None:
    for count in {0, 1, of // 3, of - 1}:
        assert at_most(count, of, share) == pytest.approx(min(1.0, summed(count, of, share)))


def test_the_ends_are_certain() -> None:
    assert at_most(-1, 5, 0.5) == 0.0
    assert at_most(5, 5, 0.5) == at_most(3, 5, 0.0) == 1.0
    assert at_most(3, 5, 1.0) == 0.0
    assert exact_interval(0, 0) is None


def test_a_shift_of_half_a_million_parts_is_no_work() -> None:
    low, high = exact_interval(288_000, 576_000) or (0.0, 0.0)
    # So many are normal: 1.96 standard deviations of 0.00066 each.
    assert (low, high) == pytest.approx((0.498708, 0.501292), abs=1e-6)


@pytest.mark.parametrize(("of", "share"), [(1, 0.03), (30, 0.03), (300, 0.2), (5000, 0.01)])
def test_a_count_within_the_limits_is_explained_by_chance(of: int, share: float) -> None:
    low, high = control_limits(of, share)
    below, above = at_most(low - 1, of, share), 1 - at_most(high, of, share)
    assert below <= 0.00135 and above <= 0.00135
    assert at_most(low, of, share) > 0.00135, "the lower limit is the highest that holds"
    assert high == 0 or 1 - at_most(high - 1, of, share) > 0.00135


def test_without_parts_and_without_failures_nothing_is_expected() -> None:
    assert control_limits(0, 0.1) == (0, 0)
    assert control_limits(50, 0.0) == (0, 0)
    assert control_limits(50, 1.0) == (50, 50)
