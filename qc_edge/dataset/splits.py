"""Which of train, val and test a part belongs to: by a digest of its group, never by image.

The same group is in the same split in every export with the same shares and grouping, whatever else
is in it: what a model has learnt from stays out of the test part of the next dataset. Only a part
that comes in a second lot later joins the two, and one of them may change its split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from qc_edge.dataset.request import Grouping, SplitRule

SPLITS = ("train", "val", "test")

_DOMAIN = "qc-edge split 1:"

Member = tuple[str, str | None]
"""A part's id and its lot, if it has one."""


def groups(members: Iterable[Member], grouping: Grouping) -> dict[Member, str]:
    """The group of each part: its lot, else itself.

    A part that came in two lots ties them together, or the same piece would stand in two splits.
    """
    roots: dict[str, str] = {}

    def root(name: str) -> str:
        roots.setdefault(name, name)
        while roots[name] != name:
            roots[name] = roots[roots[name]]
            name = roots[name]
        return name

    listed = sorted(set(members), key=lambda member: (member[0], member[1] or ""))
    for part, lot in listed:
        one = root(f"part:{part}")
        if grouping is Grouping.LOT and lot:
            # The smallest name stands for all, a lot's before a part's: it does not depend on the
            # order, and a lot keeps its split when parts are added.
            first, second = sorted((one, root(f"lot:{lot}")))
            roots[second] = first
    return {(part, lot): root(f"part:{part}") for part, lot in listed}


def split_of(group: str, rule: SplitRule) -> str:
    """The split of a group."""
    digest = hashlib.sha256(f"{_DOMAIN}{group}".encode()).hexdigest()
    place = int(digest[:8], 16) / 16**8
    if place < rule.train:
        return "train"
    return "val" if place < rule.train + rule.val else "test"


def torn_groups(placed: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    """Of pairs of a name and its split: the names that stand in several splits, with those."""
    seen: dict[str, set[str]] = {}
    for name, split in placed:
        seen.setdefault(name, set()).add(split)
    return {name: sorted(splits) for name, splits in sorted(seen.items()) if len(splits) > 1}
