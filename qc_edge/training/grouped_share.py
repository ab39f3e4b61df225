"""Shares of pictures, and how sure they are: pictures of one group are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.domain.reporting.binomial import exact_interval
from qc_edge.training.metrics import DRAWS, SEED, Truths

Units = npt.NDArray[np.str_]
"""The group of each picture."""


@dataclass(frozen=True, slots=True)
class GroupedShare:
    """`count` of `of` pictures or parts with its 95 % interval (0..1).

    `interval` is None where nothing was counted, or where one group is all there is and says both.
    """

    count: int
    of: int
    interval: tuple[float, float] | None

    @property
    def value(self) -> float | None:
        """The share, 0..1; None if nothing was counted."""
        return self.count / self.of if self.of else None

    def to_json_values(self) -> dict[str, Any]:
        """As JSON has it."""
        low, high = self.interval or (None, None)
        return {
            "count": self.count,
            "of": self.of,
            "share": self.value,
            "low": low,
            "high": high,
        }


def grouped_share(counted: Sequence[bool] | Truths, groups: Sequence[str] | Units) -> GroupedShare:
    """The share of those that are counted, each with its group."""
    count, of = sum(map(bool, counted)), len(counted)
    _, inverse = np.unique(np.array(groups, str), return_inverse=True)
    sizes = np.bincount(inverse)
    counts = np.bincount(inverse[np.asarray(counted, bool)], minlength=len(sizes))
    return GroupedShare(count, of, _interval(count, sizes, counts))


def _interval(
    count: int, sizes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[float, float] | None:
    """Exact where each group is one picture; never narrower than that, and as wide as groups that
    are drawn again say. Where all of them agree no draw differs: then a group is one observation.
    """
    of, groups = int(sizes.sum()), len(sizes)
    if count in {0, of}:
        return exact_interval(groups if count else 0, groups)
    if groups == of:
        return exact_interval(count, of)
    if groups == 1:
        return None
    low, high = exact_interval(count, of) or (0.0, 1.0)
    chance = np.random.default_rng(SEED)
    drawn = []
    for _ in range(DRAWS):
        picked = chance.integers(0, groups, groups)
        drawn.append(counts[picked].sum() / sizes[picked].sum())
    ends = np.quantile(drawn, [0.025, 0.975])
    return min(low, float(ends[0])), max(high, float(ends[1]))
