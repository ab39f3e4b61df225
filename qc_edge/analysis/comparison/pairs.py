"""Pairs of scores of the same inputs, and everything that is counted of them.

Knows nothing of where the scores come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from qc_edge.analysis.label_outcome import LabelOutcome, label_outcome
from qc_edge.analysis.statistics import cohen_kappa, mcnemar_p
from qc_edge.domain.history import LabelledPart


@dataclass(frozen=True, slots=True)
class PairedScore:
    """One input and its scores (0..1) by A and by B, each with the threshold that it is judged by.

    `name` is the frame id, or the file's name; `recorded_at` is aware UTC, None for a file.
    `is_defect` is what its label says, None without one.
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
    def move(self) -> float:
        """B's score less A's."""
        return self.b - self.a

    @property
    def fails(self) -> tuple[bool, bool]:
        """Whether A and whether B FAILs it."""
        return self.a >= self.threshold_a, self.b >= self.threshold_b

    @property
    def verdicts(self) -> tuple[str, str]:
        """PASS or FAIL by A and by B."""
        a, b = ("FAIL" if fails else "PASS" for fails in self.fails)
        return a, b

    @property
    def flips(self) -> bool:
        """True if A and B give different verdicts."""
        fails_a, fails_b = self.fails
        return fails_a != fails_b

    @property
    def label(self) -> str | None:
        """`defect` or `good`; None without a label."""
        return None if self.is_defect is None else "defect" if self.is_defect else "good"


@dataclass(frozen=True, slots=True)
class Crosstab:
    """Verdicts of A against verdicts of B: how many inputs in each of the four fields."""

    both_pass: int
    both_fail: int
    pass_to_fail: int
    fail_to_pass: int

    @property
    def flips(self) -> int:
        """Inputs to which A and B give different verdicts."""
        return self.pass_to_fail + self.fail_to_pass

    @property
    def p(self) -> float:
        """How likely so uneven a split of the flips would be if A and B FAILed equally often."""
        return mcnemar_p(self.pass_to_fail, self.fail_to_pass)

    @property
    def kappa(self) -> float | None:
        """Agreement of the verdicts beyond chance (Cohen); None where it is not defined."""
        return cohen_kappa(self.both_pass, self.both_fail, self.pass_to_fail, self.fail_to_pass)


@dataclass(frozen=True, slots=True)
class ScoreShift:
    """How far scores move from A to B: the mean move, and of the distances (moves without their
    sign) mean, median, 99th percentile and maximum. `unmoved` inputs have equal scores.
    """

    mean: float
    mean_distance: float
    median_distance: float
    p99_distance: float
    largest: float
    unmoved: int


@dataclass(frozen=True, slots=True)
class DiscordantPairs:
    """Of the `labelled` inputs, those on which exactly one of the two agrees with the label."""

    labelled: int
    only_a: int
    only_b: int

    @property
    def p(self) -> float:
        """How likely so uneven a split would be if A and B were right equally often."""
        return mcnemar_p(self.only_a, self.only_b)


@dataclass(frozen=True)
class PairedScores:
    """All pairs of one comparison, in order of time, and what is counted of them.

    Counts are made when they are asked for, once. One thread.
    """

    pairs: Sequence[PairedScore]

    @cached_property
    def moves(self) -> npt.NDArray[np.float64]:
        """B's score less A's, one for each pair, in order."""
        return np.array([pair.move for pair in self.pairs], np.float64)

    @cached_property
    def shift(self) -> ScoreShift | None:
        """The moves in figures; None without a pair."""
        if not self.pairs:
            return None
        distance = np.abs(self.moves)
        return ScoreShift(
            mean=float(self.moves.mean()),
            mean_distance=float(distance.mean()),
            median_distance=float(np.median(distance)),
            p99_distance=float(np.percentile(distance, 99)),
            largest=float(distance.max()),
            unmoved=int((distance == 0).sum()),
        )

    @cached_property
    def verdicts(self) -> Crosstab:
        """Verdicts with each score judged by its own threshold."""
        return _crosstab(pair.fails for pair in self.pairs)

    def verdicts_at(self, threshold: float) -> Crosstab:
        """Verdicts with both scores judged by one `threshold` (0..1)."""
        return _crosstab((pair.a >= threshold, pair.b >= threshold) for pair in self.pairs)

    @cached_property
    def flips(self) -> list[PairedScore]:
        """The pairs that flip, the largest move first."""
        flips = [pair for pair in self.pairs if pair.flips]
        return sorted(flips, key=lambda pair: abs(pair.move), reverse=True)

    def largest(self, count: int) -> list[PairedScore]:
        """The pairs that move furthest, at most `count`; those that do not move are left out."""
        # Stable: of equal moves the oldest come first, and the list is the same on every run.
        order = np.argsort(-np.abs(self.moves), kind="stable")[:count]
        return [self.pairs[index] for index in order if self.moves[index]]

    @cached_property
    def label_outcomes(self) -> tuple[LabelOutcome, LabelOutcome]:
        """Escapes and overkill of A and of B among the labelled pairs."""
        a, b = (
            label_outcome(
                LabelledPart(pair.name, score, pair.verdicts[side], pair.is_defect)
                for pair in self.pairs
                if pair.is_defect is not None
                for score in [(pair.a, pair.b)[side]]
            )
            for side in (0, 1)
        )
        return a, b

    @cached_property
    def discordant(self) -> DiscordantPairs:
        """Of how many labelled pairs only one of the two is right."""
        labelled = [pair for pair in self.pairs if pair.is_defect is not None]
        only_a = only_b = 0
        for pair in labelled:
            if pair.flips:
                right_is_a = pair.fails[0] == pair.is_defect
                only_a += right_is_a
                only_b += not right_is_a
        return DiscordantPairs(len(labelled), only_a, only_b)


def _crosstab(fails: Iterable[tuple[bool, bool]]) -> Crosstab:
    counts = Counter(fails)
    return Crosstab(
        both_pass=counts[False, False],
        both_fail=counts[True, True],
        pass_to_fail=counts[False, True],
        fail_to_pass=counts[True, False],
    )
