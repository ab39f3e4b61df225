"""Formulas for shares and for paired verdicts, each with its source. Knows nothing of parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qc_edge.domain.reporting.binomial import exact_interval

Z_95 = 1.959964
"""The normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with its 95 % interval; value and interval are None if `of` is 0."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0..1."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The low and the high end (0..1) of the 95 % score interval.

        E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
        """
        # Not the usual interval, p ± z·sqrt(p(1-p)/n): escapes are rare and labels few, and there
        # it has no width at all for a count of 0. Wilson's holds for small counts and for none.
        if not self.of:
            return None
        count, of, z_squared = self.count, self.of, Z_95 * Z_95
        middle = count + z_squared / 2
        spread = Z_95 * math.sqrt(count * (of - count) / of + z_squared / 4)
        scale = of + z_squared
        return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)

    @property
    def exact_interval(self) -> tuple[float, float] | None:
        """The low and the high end (0..1) of the exact 95 % interval; None if `of` is 0.

        Never narrower than it says, as a claim about escapes must not be.
        """
        return exact_interval(self.count, self.of)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """The exact two-sided p (0..1) of McNemar's test; 1.0 if there is no discordant pair.

    `only_first` and `only_second` count the pairs that differ in the one and in the other way.
    Q. McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, 1947; exact as in A. Agresti, Categorical Data Analysis, section on matched pairs:
    if neither way were likelier, the smaller count would be binomial with one half.
    """
    discordant, smaller = only_first + only_second, min(only_first, only_second)
    if discordant == 0 or only_first == only_second:
        return 1.0
    # The exact test, not the chi-squared approximation: two models mostly agree, so the pairs that
    # differ are few. In logarithms, because 2 ** -n underflows from some 1,075 pairs on.
    logs = [
        _log_choose(discordant, count) - discordant * math.log(2) for count in range(smaller + 1)
    ]
    return min(1.0, 2 * math.fsum(map(math.exp, logs)))


def cohen_kappa(
    both_pass: int, both_fail: int, pass_to_fail: int, fail_to_pass: int
) -> float | None:
    """Agreement of two judges beyond chance; 1 is perfect, 0 is chance.

    None where nothing was judged, or where one verdict is all that there is: then chance alone
    agrees always. J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    total = both_pass + both_fail + pass_to_fail + fail_to_pass
    if not total:
        return None
    observed = (both_pass + both_fail) / total
    fails_a, fails_b = (both_fail + fail_to_pass) / total, (both_fail + pass_to_fail) / total
    by_chance = fails_a * fails_b + (1 - fails_a) * (1 - fails_b)
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)


def format_share(share: Share) -> str:
    """A share with its 95 % interval, as tables show it."""
    if share.value is None or share.interval is None:
        return "none labelled"
    low, high = share.interval
    return f"{share.count:,} of {share.of:,} = {share.value:.2%} ({low:.2%} to {high:.2%})"
