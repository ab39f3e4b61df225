"""Inputs scored twice, and what follows from the two scores. Knows nothing of where they come
from.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from qc_edge.analysis.threshold_impact import LabelOutcome, against
from qc_edge.domain.history import LabelledPart


@dataclass(frozen=True, slots=True)
class PairedScore:
    """One input and its scores (0..1) by A and by B, each with the threshold that it is judged by.

    `name` is the frame id, or the file's name; `recorded_at` is aware, None for a file. `is_defect`
    is what a person said of it, None if nobody did.
    """

    name: str
    part_id: str
    camera: str
    recorded_at: datetime | None
    a: float
    b: float
    threshold_a: float
    threshold_b: float
    is_defect: bool | None = None

    @property
    def moved(self) -> float:
        """B's score less A's."""
        return self.b - self.a

    @property
    def verdicts(self) -> tuple[str, str]:
        """PASS or FAIL by A and by B."""
        return _verdict(self.a >= self.threshold_a), _verdict(self.b >= self.threshold_b)

    @property
    def flips(self) -> bool:
        """True if A and B say different things."""
        return (self.a >= self.threshold_a) != (self.b >= self.threshold_b)


@dataclass(frozen=True, slots=True)
class Crosstab:
    """Verdicts of A against verdicts of B: how many inputs in each of the four fields."""

    both_pass: int
    both_fail: int
    pass_to_fail: int
    fail_to_pass: int

    @property
    def flips(self) -> int:
        """Inputs of which A and B say different things."""
        return self.pass_to_fail + self.fail_to_pass

    @property
    def inputs(self) -> int:
        """All of them."""
        return self.both_pass + self.both_fail + self.flips

    @property
    def p(self) -> float:
        """How likely so uneven a split of the flips would be if A and B FAILed equally often:
        McNemar's.
        """
        return mcnemar(self.pass_to_fail, self.fail_to_pass)

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance, 1 is perfect; None where one verdict is all that there is.

        J. Cohen, A coefficient of agreement for nominal scales, 1960.
        """
        if not self.inputs:
            return None
        seen = (self.both_pass + self.both_fail) / self.inputs
        fails_a = (self.both_fail + self.fail_to_pass) / self.inputs
        fails_b = (self.both_fail + self.pass_to_fail) / self.inputs
        chance = fails_a * fails_b + (1 - fails_a) * (1 - fails_b)
        return (seen - chance) / (1 - chance) if chance < 1 else None


@dataclass(frozen=True, slots=True)
class ScoreShift:
    """How far scores move from A to B: the mean, and of the distances mean, median, 99 % and the
    largest.
    """

    mean: float
    mean_distance: float
    median_distance: float
    p99_distance: float
    largest: float
    unmoved: int


@dataclass(frozen=True, slots=True)
class DiscordantPairs:
    """Labelled inputs on which exactly one of the two is right; `p` is McNemar's."""

    labelled: int
    only_a: int
    only_b: int

    @property
    def p(self) -> float:
        """How likely so uneven a split would be if A and B were right equally often."""
        return mcnemar(self.only_a, self.only_b)


@dataclass(frozen=True)
class Comparison:
    """All pairs of one question, and everything that is counted of them."""

    pairs: Sequence[PairedScore]

    @cached_property
    def moves(self) -> npt.NDArray[np.float64]:
        """B's score less A's, one for each pair, in order."""
        return np.array([pair.moved for pair in self.pairs], np.float64)

    @cached_property
    def moved(self) -> ScoreShift | None:
        """The moves in figures; None without a pair."""
        if not self.pairs:
            return None
        distance = np.abs(self.moves)
        return ScoreShift(
            float(self.moves.mean()),
            float(distance.mean()),
            float(np.median(distance)),
            float(np.percentile(distance, 99)),
            float(distance.max()),
            int((distance == 0).sum()),
        )

    @cached_property
    def verdicts(self) -> Crosstab:
        """Each score judged by its own threshold."""
        return _crosstab(
            (pair.a >= pair.threshold_a, pair.b >= pair.threshold_b) for pair in self.pairs
        )

    def verdicts_at(self, threshold: float) -> Crosstab:
        """Both scores judged by one `threshold`."""
        return _crosstab((pair.a >= threshold, pair.b >= threshold) for pair in self.pairs)

    @cached_property
    def flips(self) -> list[PairedScore]:
        """The pairs that flip, the largest move first."""
        return sorted((pair for pair in self.pairs if pair.flips), key=_distance, reverse=True)

    def largest(self, count: int) -> list[PairedScore]:
        """The pairs that move furthest, at most `count`, those that do not move left out."""
        order = np.argsort(-np.abs(self.moves), kind="stable")[:count]
        return [self.pairs[index] for index in order if self.moves[index]]

    @cached_property
    def against_labels(self) -> tuple[LabelOutcome, LabelOutcome]:
        """Escapes and overkill of A and of B among the labelled pairs."""
        labelled = [pair for pair in self.pairs if pair.is_defect is not None]
        a, b = (
            [
                LabelledPart(p.name, score, verdict, bool(p.is_defect))
                for p, score, verdict in judged
            ]
            for judged in (
                [(pair, pair.a, pair.verdicts[0]) for pair in labelled],
                [(pair, pair.b, pair.verdicts[1]) for pair in labelled],
            )
        )
        return against(a, None), against(b, None)

    @cached_property
    def rights(self) -> DiscordantPairs:
        """Where labels say which of the two is right."""
        labelled = [pair for pair in self.pairs if pair.is_defect is not None]
        fails = [
            (pair.verdicts[0] == "FAIL", pair.verdicts[1] == "FAIL", pair.is_defect)
            for pair in labelled
        ]
        only_a = sum(a == truth != b for a, b, truth in fails)
        only_b = sum(b == truth != a for a, b, truth in fails)
        return DiscordantPairs(len(labelled), only_a, only_b)


def mcnemar(one: int, other: int) -> float:
    """The exact two-sided p of McNemar's test for pairs that differ in the one and in the other
    way.

    Q. McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, 1947; exact as in A. Agresti, Categorical Data Analysis, section on matched pairs:
    if neither way were likelier, the smaller count would be binomial with one half. 1.0 if there is
    no such pair.
    """
    both, fewer = one + other, min(one, other)
    if both == 0 or one == other:
        return 1.0
    logs = [_log_choose(both, count) - both * math.log(2) for count in range(fewer + 1)]
    return min(1.0, 2 * math.fsum(map(math.exp, logs)))


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)


def _verdict(fails: bool) -> str:
    return "FAIL" if fails else "PASS"


def _distance(pair: PairedScore) -> float:
    return abs(pair.moved)


def _crosstab(fails: Iterable[tuple[bool, bool]]) -> Crosstab:
    counts = Counter(fails)
    return Crosstab(
        counts[False, False], counts[True, True], counts[False, True], counts[True, False]
    )
