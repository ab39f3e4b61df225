"""Whether people agree who have looked at the same parts: Cohen's kappa of pairs and of persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Pairs = Mapping[tuple[str, str], int]
"""How often the one said the first and the other the second of the same part."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How `one` and `other` judged the `parts` that both have looked at: how often alike, and kappa
    (1: always, 0: as chance would have it; None where one word is all that was said).
    """

    one: str
    other: str
    parts: int
    agreed: int
    kappa: float | None


def kappa(pairs: Pairs) -> float | None:
    """Agreement beyond chance. J. Cohen, A coefficient of agreement for nominal scales, 1960."""
    total = sum(pairs.values())
    if not total:
        return None
    ones, others = Counter[str](), Counter[str]()
    for (one, other), count in pairs.items():
        ones[one] += count
        others[other] += count
    observed = sum(count for (one, other), count in pairs.items() if one == other) / total
    by_chance = sum(ones[word] * others[word] for word in ones) / total**2
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None


def agreements(
    rows: Iterable[tuple[str, str, str, str, int]],
) -> tuple[list[Agreement], list[Agreement]]:
    """Of pairs of people, and of each person against all others together (`other` is "others").

    `rows`: two people, the word of each, and for how many parts that was so.
    """
    by_pair: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    by_person: dict[str, Counter[tuple[str, str]]] = {}
    for one, other, said, said_by_other, count in rows:
        by_pair.setdefault((one, other), Counter())[said, said_by_other] += count
        by_person.setdefault(one, Counter())[said, said_by_other] += count
        by_person.setdefault(other, Counter())[said_by_other, said] += count
    pairs = [_agreement(*names, said) for names, said in sorted(by_pair.items())]
    return pairs, [_agreement(name, "others", said) for name, said in sorted(by_person.items())]


def _agreement(one: str, other: str, pairs: Pairs) -> Agreement:
    agreed = sum(count for (said, said_by_other), count in pairs.items() if said == said_by_other)
    return Agreement(one, other, sum(pairs.values()), agreed, kappa(pairs))
