"""Attribute agreement: good or bad, by several appraisers, several times, against the truth.

AIAG, Measurement Systems Analysis, 4th edition, chapter III section C. Intervals are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from qc_edge.analysis.statistics import Share
from qc_edge.discipline.msa.trials import Trial, complete
from qc_edge.errors import UsageError

POOR_KAPPA, GOOD_KAPPA = 0.40, 0.75
"""AIAG: above the second good to excellent agreement, below the first poor."""


class Grade(str, Enum):
    """AIAG's table III-C 6."""

    ACCEPTABLE = "acceptable"
    MARGINAL = "marginal: may need improvement"
    UNACCEPTABLE = "unacceptable: needs improvement"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class AppraiserResult:
    """How one appraiser did. `matches` are parts that were judged right every time; `misses` are
    bad parts called good, `false_alarms` good parts called bad, both of all looks at such parts.
    Kappas are None where they say nothing: one word only, or one trial.
    """

    name: str
    within: Share
    matches: Share
    misses: Share
    false_alarms: Share
    kappa_truth: float | None
    kappa_within: float | None

    @property
    def grades(self) -> dict[str, Grade | None]:
        """Of effectiveness, miss rate and false alarm rate; None where no part could show it."""
        return {
            "effectiveness": _grade(self.matches, 0.90, 0.80, at_least=True),
            "miss rate": _grade(self.misses, 0.02, 0.05, at_least=False),
            "false alarm rate": _grade(self.false_alarms, 0.05, 0.10, at_least=False),
        }

    @property
    def verdict(self) -> Grade | None:
        """The worst of the three; None where one of them is unknown and the others do not fail."""
        grades = list(self.grades.values())
        order = list(Grade)
        known = [each for each in grades if each is not None]
        worst = max(known, key=order.index, default=None)
        return worst if len(known) == len(grades) or worst is Grade.UNACCEPTABLE else None


@dataclass(frozen=True, slots=True)
class AttributeStudy:
    """The whole study. `kappas` are Cohen's, of each pair of appraisers over all their trials;
    `fleiss` is that of all looks of all; `notes` say what it cannot tell.
    """

    parts: int
    good_parts: int
    trials: int
    appraisers: tuple[AppraiserResult, ...]
    kappas: dict[tuple[str, str], float | None]
    fleiss: float | None
    between: Share
    against_truth: Share
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Grade | None:
        """The worst appraiser's; None if one's is unknown and none is unacceptable."""
        verdicts = [each.verdict for each in self.appraisers]
        order = list(Grade)
        if Grade.UNACCEPTABLE in verdicts:
            return Grade.UNACCEPTABLE
        return None if None in verdicts else max((v for v in verdicts if v), key=order.index)


def analyse_attribute(trials: Sequence[Trial]) -> AttributeStudy:
    """The study of complete trials. Raises UsageError if trials or references are missing."""
    parts, names, numbers = complete(trials)
    truth = _truth(trials, parts)
    if unsaid := [each for each in trials if each.is_good is None]:
        one = unsaid[0]
        raise UsageError(
            f"trial {one.trial} of part {one.part} by {one.appraiser} has no result",
            hint="good or bad in the column result",
        )
    looks = {(each.part, each.appraiser, each.trial): bool(each.is_good) for each in trials}

    def of(name: str, part: str) -> list[bool]:
        return [looks[part, name, number] for number in numbers]

    results = tuple(_appraiser(name, parts, truth, [of(name, p) for p in parts]) for name in names)
    flat = {name: [look for part in parts for look in of(name, part)] for name in names}
    counts = [
        [sum(map(sum, all_of)), len(names) * len(numbers)]
        for all_of in ([of(name, part) for name in names] for part in parts)
    ]
    same = [len({look for name in names for look in of(name, part)}) == 1 for part in parts]
    right = [
        same[at] and looks[part, names[0], numbers[0]] == truth[part]
        for at, part in enumerate(parts)
    ]
    return AttributeStudy(
        len(parts),
        sum(truth.values()),
        len(numbers),
        results,
        {pair: cohen_kappa(flat[pair[0]], flat[pair[1]]) for pair in combinations(names, 2)},
        fleiss_kappa([(good, of - good) for good, of in counts]) if counts[0][1] > 1 else None,
        Share(sum(same), len(parts)),
        Share(sum(right), len(parts)),
        tuple(_notes(parts, truth, names, numbers)),
    )


def cohen_kappa(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """J. Cohen, A coefficient of agreement for nominal scales, 1960; None if both say one word."""
    of = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / of
    good = sum(first) * sum(second) / of**2
    expected = good + (of - sum(first)) * (of - sum(second)) / of**2
    return (observed - expected) / (1 - expected) if expected < 1 else None


def fleiss_kappa(counts: Sequence[tuple[int, int]]) -> float | None:
    """J. L. Fleiss, Measuring nominal scale agreement among many raters, 1971: for each part how
    many looks said good and bad, the same number for each. None if all say one word.
    """
    looks = sum(counts[0])
    agree = sum((a * a + b * b - looks) / (looks * (looks - 1)) for a, b in counts) / len(counts)
    share = sum(a for a, _ in counts) / (looks * len(counts))
    expected = share**2 + (1 - share) ** 2
    return (agree - expected) / (1 - expected) if expected < 1 else None


def _truth(trials: Sequence[Trial], parts: Sequence[str]) -> dict[str, bool]:
    truth: dict[str, bool] = {}
    for each in trials:
        if each.reference_is_good is None:
            continue
        if truth.setdefault(each.part, each.reference_is_good) != each.reference_is_good:
            raise UsageError(
                f"part {each.part} is good in one line and bad in another",
                hint="the column reference is the truth, the same in each line of a part",
            )
    if missing := [part for part in parts if part not in truth]:
        raise UsageError(
            f"the truth of {len(missing)} parts is missing: {', '.join(missing[:8])}",
            hint="good or bad in the column reference, once for each part at least",
        )
    return truth


def _appraiser(
    name: str, parts: Sequence[str], truth: dict[str, bool], looks: Sequence[Sequence[bool]]
) -> AppraiserResult:
    trials = len(looks[0])
    same = [len(set(each)) == 1 for each in looks]
    right = [same[at] and looks[at][0] == truth[part] for at, part in enumerate(parts)]
    bad = [look for part, of in zip(parts, looks, strict=True) if not truth[part] for look in of]
    good = [look for part, of in zip(parts, looks, strict=True) if truth[part] for look in of]
    said = [look for of in looks for look in of]
    is_so = [truth[part] for part in parts for _ in range(trials)]
    one_truth = len(set(is_so)) == 1
    return AppraiserResult(
        name,
        Share(sum(same), len(parts)),
        Share(sum(right), len(parts)),
        Share(sum(bad), len(bad)),
        Share(len(good) - sum(good), len(good)),
        None if one_truth else cohen_kappa(said, is_so),
        fleiss_kappa([(sum(of), trials - sum(of)) for of in looks]) if trials > 1 else None,
    )


def _notes(
    parts: Sequence[str], truth: dict[str, bool], names: Sequence[str], numbers: Sequence[str]
) -> list[str]:
    good = sum(truth.values())
    notes = []
    if not good:
        notes.append("no part is good: the false alarm rate and kappa against truth are unknown")
    if good == len(parts):
        notes.append("no part is bad: the miss rate and kappa against truth are unknown")
    if len(parts) < 50:
        notes.append(f"{len(parts)} parts: AIAG takes 50, and the intervals show what is missing")
    if len(numbers) < 2:
        notes.append("one trial: nothing is known of agreement with oneself")
    if len(names) < 2:
        notes.append("one appraiser: nothing is known of agreement with others")
    return notes


def _grade(share: Share, fine: float, marginal: float, *, at_least: bool) -> Grade | None:
    value = share.value
    if value is None:
        return None
    sign = 1 if at_least else -1
    if sign * value >= sign * fine:
        return Grade.ACCEPTABLE
    return Grade.MARGINAL if sign * value >= sign * marginal else Grade.UNACCEPTABLE
