"""Figures of scores against truth, and how sure they are. Knows nothing of pictures.

Scores are higher for what is bad. Intervals are 95 %, by drawing whole groups again: pictures of
one part are not independent, and an interval over pictures would be far too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

DRAWS = 500
"""Of the bootstrap: the ends of an interval move by about 0.1 of its width."""

SEED = 20261128


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; `low` and `high` are None where one group is all there is."""

    value: float
    low: float | None
    high: float | None

    def words(self, digits: int = 3) -> str:
        """As tables show it."""
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def auc(scores: Scores, bad: Truths) -> float:
    """The odds that a bad one scores above a good one, a tie counts half; NaN without both.

    J. A. Hanley, B. J. McNeil, The meaning and use of the area under a ROC curve, 1982.
    """
    count_bad = int(bad.sum())
    count_good = len(bad) - count_bad
    if not count_bad or not count_good:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    rank_sum = float(ranks[bad].sum())
    return (rank_sum - count_bad * (count_bad + 1) / 2) / (count_bad * count_good)


def roc(scores: Scores, bad: Truths) -> tuple[Scores, Scores, Scores]:
    """Thresholds from the highest down, with the false alarm rate and the recall of each."""
    order = np.argsort(-scores, kind="stable")
    ordered, truths = scores[order], bad[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))  # of each score
    caught = np.cumsum(truths)[last] / max(1, int(bad.sum()))
    alarms = np.cumsum(~truths)[last] / max(1, int((~bad).sum()))
    return ordered[last], alarms.astype(np.float64), caught.astype(np.float64)


def average_precision(scores: Scores, bad: Truths) -> float:
    """The area under precision over recall, step by step; NaN without a bad one."""
    if not bad.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ordered, truths = scores[order], bad[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    caught = np.cumsum(truths)[last]
    recall = caught / caught[-1]
    precision = caught / (last + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def alarms_at_recall(scores: Scores, bad: Truths, recall: float) -> tuple[float, float]:
    """The highest threshold that catches that share of the bad ones, and its false alarm rate."""
    thresholds, alarms, caught = roc(scores, bad)
    at = int(np.argmax(caught >= recall - 1e-9))
    return float(thresholds[at]), float(alarms[at])


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pictures whose score is in one tenth: their mean score, and the share that is bad."""

    count: int
    mean_score: float
    bad_share: float


def reliability(scores: Scores, bad: Truths, bins: int = 10) -> tuple[list[ReliabilityBin], float]:
    """Does a score of 0.3 mean that 3 of 10 are bad? The bins that hold anything, and the mean
    distance between both (expected calibration error).
    """
    of_bin = np.minimum((scores * bins).astype(int), bins - 1)
    found = [
        ReliabilityBin(int(inside.sum()), float(scores[inside].mean()), float(bad[inside].mean()))
        for inside in (of_bin == number for number in range(bins))
        if inside.any()
    ]
    error = sum(each.count * abs(each.mean_score - each.bad_share) for each in found)
    return found, error / max(1, len(scores))


def grouped(groups: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """The places of each group's members."""
    _, inverse = np.unique(np.array(groups), return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(np.bincount(inverse))[:-1]
    return np.split(order, ends)


def bootstrap(
    members: Sequence[npt.NDArray[np.int64]],
    figure: Callable[[npt.NDArray[np.int64]], float],
) -> Estimate:
    """The figure of all places, and its interval over DRAWS times as many groups drawn anew.

    B. Efron, R. Tibshirani, An introduction to the bootstrap, 1993: the percentile interval.
    """
    value = figure(np.concatenate(members))
    if len(members) < 2:
        return Estimate(value, None, None)
    chance = np.random.default_rng(SEED)
    drawn = [
        figure(np.concatenate([members[n] for n in chance.integers(0, len(members), len(members))]))
        for _ in range(DRAWS)
    ]
    usable = [each for each in drawn if not np.isnan(each)]
    if len(usable) < DRAWS / 2:
        return Estimate(value, None, None)
    low, high = np.quantile(usable, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
