"""Gauge R&R by analysis of variance: how much of a figure's spread is the part, who measured, and
neither.

AIAG, Measurement Systems Analysis, 4th edition, chapter III section B and appendix A.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from qc_edge.discipline.msa.trials import Trial, complete
from qc_edge.domain.reporting.binomial import f_above
from qc_edge.errors import UsageError

POOLED_ABOVE = 0.25
"""An interaction with a larger p is taken for chance, as AIAG and Minitab do."""

FEWEST_CATEGORIES = 5
_CATEGORIES = 1.41


class GaugeVerdict(str, Enum):
    """AIAG's table II-D 1, by the share of the study's variation."""

    ACCEPTABLE = "acceptable: below 10 %"
    MARGINAL = "may be acceptable: 10 to 30 %"
    UNACCEPTABLE = "not acceptable: over 30 %"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class VarianceRow:
    """A line of the ANOVA table; `f` and `p` are None where there is nothing to hold it against."""

    source: str
    free: int
    squares: float
    f: float | None = None
    p: float | None = None

    @property
    def mean(self) -> float:
        """The mean square."""
        return self.squares / self.free if self.free else math.nan


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """The table, and the components as variances in the figure's unit squared."""

    parts: int
    appraisers: int
    trials: int
    table: tuple[VarianceRow, ...]
    is_pooled: bool
    repeatability: float
    reproducibility: float
    part_to_part: float
    notes: tuple[str, ...]

    @property
    def gauge(self) -> float:
        """Repeatability and reproducibility together."""
        return self.repeatability + self.reproducibility

    @property
    def total(self) -> float:
        """Of the whole study."""
        return self.gauge + self.part_to_part

    def contribution(self, variance: float) -> float:
        """The share (0..1) of the study's variance."""
        return variance / self.total if self.total else 0.0

    def variation(self, variance: float) -> float:
        """The share (0..1) of the study's standard deviation: what AIAG judges."""
        return math.sqrt(self.contribution(variance))

    @property
    def categories(self) -> int | None:
        """Kinds of parts that the gauge tells apart (ndc); None where no trial differed."""
        if not self.gauge:
            return None
        return max(1, int(_CATEGORIES * math.sqrt(self.part_to_part / self.gauge)))

    @property
    def verdict(self) -> GaugeVerdict | None:
        """None if all values are one: that says nothing of the gauge."""
        if not self.total:
            return None
        share = self.variation(self.gauge)
        if share <= 0.10:
            return GaugeVerdict.ACCEPTABLE
        return GaugeVerdict.MARGINAL if share <= 0.30 else GaugeVerdict.UNACCEPTABLE


def analyse_gauge(trials: Sequence[Trial]) -> GaugeStudy:
    """The study of complete trials with values. Raises UsageError if any is missing, or if there
    are fewer than two parts or two trials.
    """
    parts, names, numbers = complete(trials)
    if missing := [each for each in trials if each.value is None]:
        one = missing[0]
        raise UsageError(
            f"trial {one.trial} of part {one.part} by {one.appraiser} has no value",
            hint="every trial needs one: add it, or leave the part out",
        )
    if len(parts) < 2 or len(numbers) < 2:
        raise UsageError(
            f"{len(parts)} parts in {len(numbers)} trials tell nothing of repeatability",
            hint="at least 2 parts and 2 trials; AIAG takes 10 parts, 3 appraisers, 3 trials",
        )
    value = {(each.part, each.appraiser, each.trial): each.value for each in trials}
    data = np.array(
        [[[value[p, a, n] for n in numbers] for a in names] for p in parts], dtype=np.float64
    )
    return analyse_values(data)


def analyse_values(data: npt.NDArray[np.float64]) -> GaugeStudy:
    """`data` is parts x appraisers x trials."""
    p, a, n = data.shape
    mean = data.mean()
    by_part, by_name, cells = data.mean((1, 2)), data.mean((0, 2)), data.mean(2)
    of_parts = float(a * n * ((by_part - mean) ** 2).sum())
    of_names = float(p * n * ((by_name - mean) ** 2).sum())
    within = float(((data - cells[:, :, None]) ** 2).sum())
    both = float(n * ((cells - by_part[:, None] - by_name[None, :] + mean) ** 2).sum())
    error = VarianceRow("repeatability", p * a * (n - 1), within)
    mixed = VarianceRow("part x appraiser", (p - 1) * (a - 1), both)
    mixed = _against(mixed, error) if a > 1 else mixed
    is_pooled = a < 2 or mixed.p is None or mixed.p > POOLED_ABOVE
    if is_pooled:
        error = VarianceRow("repeatability", error.free + mixed.free, within + both)
    base = error if is_pooled else mixed
    rows = [_against(VarianceRow("part", p - 1, of_parts), base)]
    if a > 1:
        rows += [_against(VarianceRow("appraiser", a - 1, of_names), base), mixed]
    of_error = error.mean
    interaction = 0.0 if is_pooled else max(0.0, (mixed.mean - of_error) / n)
    appraiser = max(0.0, (rows[1].mean - base.mean) / (p * n)) if a > 1 else 0.0
    part = max(0.0, (rows[0].mean - base.mean) / (a * n))
    total = VarianceRow("total", p * a * n - 1, float(((data - mean) ** 2).sum()))
    return GaugeStudy(
        p,
        a,
        n,
        (*rows, error, total),
        is_pooled and a > 1,
        of_error,
        appraiser + interaction,
        part,
        tuple(_notes(p, a, n, within)),
    )


def _against(row: VarianceRow, base: VarianceRow) -> VarianceRow:
    if not base.squares or not base.free:
        return row
    f = row.mean / base.mean
    return VarianceRow(row.source, row.free, row.squares, f, f_above(f, row.free, base.free))


def _notes(p: int, a: int, n: int, within: float) -> list[str]:
    notes = []
    if a < 2:
        notes.append("one appraiser: reproducibility is unknown, only repeatability is told")
    if p < 10 or n < 3:
        notes.append(f"{p} parts in {n} trials: AIAG takes 10 parts and 3 trials")
    if not within:
        notes.append(
            "no trial differed from another of the same part: the figure is rounded more "
            "coarsely than it repeats"
        )
    return notes
