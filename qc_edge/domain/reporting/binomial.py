"""The binomial distribution, exactly: intervals of a share, and the limits of a control chart."""

from __future__ import annotations

import math
from collections.abc import Callable

THREE_SIGMA = 0.00135
"""The share of a normal distribution beyond three standard deviations, on one side."""

_ACCURATE = 1e-14
_TINY = 1e-300


def at_most(count: int, of: int, share: float) -> float:
    """The probability of at most `count` of `of`, each with the probability `share` (0..1)."""
    if count < 0:
        return 0.0
    if count >= of or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    return _incomplete_beta(of - count, count + 1, 1.0 - share)


def exact_interval(count: int, of: int) -> tuple[float, float] | None:
    """The low and the high end (0..1) of the exact 95 % interval; None if `of` is 0.

    C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the case
    of the binomial, 1934.
    """
    if not of:
        return None
    low = 0.0 if count == 0 else _rises_to(0.025, lambda p: 1 - at_most(count - 1, of, p))
    high = 1.0 if count == of else _rises_to(0.975, lambda p: 1 - at_most(count, of, p))
    return low, high


def f_above(value: float, free: int, free_below: int) -> float:
    """The probability (0..1) that F with these degrees of freedom (above and below the line) is
    larger than `value`. M. Abramowitz, I. A. Stegun, 26.6.2.
    """
    if value <= 0:
        return 1.0
    share = free_below / (free_below + free * value)
    return _incomplete_beta(free_below / 2, free / 2, share) if 0 < share < 1 else float(share >= 1)


def highest_share(count: int, of: int, confidence: float) -> float:
    """The share (0..1) that the true one does not exceed with `confidence` (0..1). Exact."""
    if not of or count >= of:
        return 1.0
    return _rises_to(confidence, lambda p: 1 - at_most(count, of, p))


def control_limits(of: int, share: float, tail: float = THREE_SIGMA) -> tuple[int, int]:
    """The least and the highest count of `of` that chance explains, each with `share` (0..1).

    A count below the first or above the second comes with a probability of `tail` at most. Exact,
    since three standard deviations are no limit where few parts fail: they reach below 0, and far
    more often than one in 740 counts lies above.
    """
    low = _first(of, lambda count: at_most(count, of, share) > tail)
    high = _first(of, lambda count: 1.0 - at_most(count, of, share) <= tail)
    return low, high


def _first(of: int, holds: Callable[[int], bool]) -> int:
    """The least count for which `holds`, which stays true for all larger ones."""
    low, high = 0, of
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _rises_to(level: float, rising: Callable[[float], float]) -> float:
    """The share (0..1) at which `rising` reaches `level`."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for 0 < x < 1.

    The sum of a distribution's terms would take as long as a shift has parts. M. Abramowitz, I. A.
    Stegun, Handbook of Mathematical Functions, 6.6.2, 26.5.24 and the continued fraction 26.5.8.
    """
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image does not
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    log_factor = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
        - math.log(a)
    )
    return math.exp(log_factor) / _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The denominator of the continued fraction 26.5.8 by W. J. Lentz's method (1976)."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, 2 * int(100 + 5 * math.sqrt(a + b))):
        m = term // 2
        if term % 2:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        c = _not_zero(1.0 + numerator / c)
        d = 1.0 / _not_zero(1.0 + numerator * d)
        value *= c * d
        if abs(c * d - 1.0) < _ACCURATE:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
