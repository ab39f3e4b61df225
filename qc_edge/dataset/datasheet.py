"""What a dataset holds, counted, and what is wrong with its splits: for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.likeness import AlikePair
from qc_edge.dataset.sample import DEFECT, GOOD, UNLABELLED
from qc_edge.dataset.splits import SPLITS, torn_groups
from qc_edge.review.agreement import Agreement

_BY = ("view", "recipe", "lot", "model")
"""What else is counted, by keys of DatasetItem.about."""

_FEW = 20
"""Groups in a split: below that its figures say little."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that stands in two splits: a part, a group, or two pictures that show the same."""

    what: str
    names: tuple[str, ...]
    splits: tuple[str, ...]
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Datasheet:
    """Counts by subset and class, by view, recipe, lot, model and day; how people agree; leaks."""

    title: str
    pictures: int
    parts: int
    classes: Mapping[str, Mapping[str, int]]
    groups: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    days: Mapping[str, int]
    disputed: int
    masks: int
    agreement: Sequence[Agreement]
    left_out: Mapping[str, int]
    leaks: Sequence[Leak]
    alike: int
    notes: Sequence[str]

    def to_json_values(self) -> Mapping[str, Any]:
        """The whole of datasheet.json."""
        return asdict(self)


def datasheet(
    title: str,
    items: Sequence[DatasetItem],
    alike: Sequence[AlikePair],
    agreement: Sequence[Agreement] = (),
    left_out: Mapping[str, int] | None = None,
    lost_masks: int = 0,
) -> Datasheet:
    """The datasheet of these pictures; `alike` are pairs of different parts that show the same,
    `lost_masks` counts the defects whose mask is gone.
    """
    classes: dict[str, Counter[str]] = {}
    for item in items:
        classes.setdefault(item.split or UNLABELLED, Counter())[item.class_name] += 1
    ordered = {name: classes[name] for name in (*SPLITS, UNLABELLED) if name in classes}
    split_groups = {
        split: len({item.unit for item in items if item.split == split})
        for split in SPLITS
        if split in classes
    }
    counts = {
        key: _sorted(Counter(str(item.about[key]) for item in items if item.about.get(key)))
        for key in _BY
    }
    leaks = find_leaks(items, alike)
    return Datasheet(
        title=title,
        pictures=len(items),
        parts=len({item.part or item.name for item in items}),
        classes={name: _sorted(of_subset) for name, of_subset in ordered.items()},
        groups=split_groups,
        counts={key: of_key for key, of_key in counts.items() if of_key},
        days=_sorted(Counter(_day(item) for item in items if _day(item))),
        disputed=sum(bool(item.about.get("disputed")) for item in items),
        masks=sum(item.mask is not None for item in items),
        agreement=agreement,
        left_out=_sorted(Counter(left_out or {})),
        leaks=leaks,
        alike=len(alike),
        notes=[*_notes(items, split_groups, leaks), *_lost(lost_masks)],
    )


def find_leaks(items: Sequence[DatasetItem], alike: Sequence[AlikePair]) -> list[Leak]:
    """What stands in two splits and so makes every figure of the test part better than it is."""
    placed = [item for item in items if item.split]
    leaks = []
    parts = [(item.part, item.split) for item in placed]
    # Of a part without a lot the group is the part, which is looked at already.
    tied = [(item.group, item.split) for item in placed if item.group != f"part:{item.part}"]
    for what, pairs in (("part", parts), ("group", tied)):
        known = [(name, split) for name, split in pairs if name and split]
        for name, splits in torn_groups(known).items():
            leaks.append(Leak(what, (name,), tuple(splits)))
    for pair in alike:
        one, other = pair.one.split, pair.other.split
        if one and other and one != other:
            names = (pair.one.name, pair.other.name)
            leaks.append(Leak("alike", names, (one, other), round(pair.likeness, 4)))
    return leaks


def _notes(
    items: Sequence[DatasetItem], split_groups: Mapping[str, int], leaks: Sequence[Leak]
) -> list[str]:
    """What a person should know before a model learns from it, in words."""
    truths = Counter(item.truth for item in items)
    notes = [f"no picture is labelled {word}" for word in (GOOD, DEFECT) if not truths[word]]
    for split in SPLITS:
        found = Counter(item.truth for item in items if item.split == split)
        if truths[GOOD] and truths[DEFECT] and not (found[GOOD] and found[DEFECT]):
            missing = " and no ".join(word for word in (GOOD, DEFECT) if not found[word])
            notes.append(f"{split} has no {missing} picture")
    if len({item.unit for item in items if item.split}) == 1:
        notes.append("all pictures are of one group, which a split does not tear: --split-by part")
    few = [f"{split} {count}" for split, count in split_groups.items() if count < _FEW]
    if few:
        notes.append(f"few groups, so that figures say little: {', '.join(few)}")
    kinds = Counter(leak.what for leak in leaks)
    words = {"part": "parts", "group": "groups", "alike": "pairs of pictures that show the same"}
    notes += [f"{kinds[what]} {words[what]} stand in two splits" for what in words if kinds[what]]
    return notes


def _lost(masks: int) -> list[str]:
    return [f"defects whose mask is gone, marked nowhere: {masks:,}"] if masks else []


def _day(item: DatasetItem) -> str:
    return str(item.about.get("recorded_at") or "")[:10]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
