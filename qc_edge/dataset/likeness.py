"""Pictures that show the same: the same pixels, or so alike that they must be one piece.

All parts of a product look alike. What they have in common, the mean of all, is taken off first:
what is left is the piece's own, and of two different pieces it does not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.dataset.item import DatasetItem

SIDE = 48
"""Pixels of the small picture that is compared."""

ALIKE = 0.98
"""The correlation above which two pictures are taken for one piece. Of 931 photographs of magnet
tiles and 627 of ball screws it finds 19 pairs, all of one piece; at 0.95, 26 of 337 are not.
"""

MOST_COMPARED = 20_000
"""Pictures; of more, evenly spaced ones are compared."""

_BLOCK = 1024

Fingerprint = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two pictures that show the same; `likeness` is their correlation, 1.0 for the same pixels."""

    one: DatasetItem
    other: DatasetItem
    likeness: float


def fingerprint(path: Path) -> Fingerprint | None:
    """The picture as SIDE x SIDE values without its shading; None if it does not read."""
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if gray is None:
        return None
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - cv2.GaussianBlur(small, (0, 0), 3), np.float32).ravel()


def alike_pairs(
    items: Sequence[DatasetItem], on_picture: Callable[[int, int], None] = lambda *_: None
) -> list[AlikePair]:
    """Pairs of pictures of different parts that show the same, the most alike first. Of many that
    show the same, as many as tie them together, not each with each.
    """
    same = list(_same_pixels(items))
    step = 1 + (len(items) - 1) // MOST_COMPARED if items else 1
    compared = sorted(items[::step], key=lambda item: item.truth is None)
    prints = list[Fingerprint]()
    of_print = list[DatasetItem]()
    for number, item in enumerate(compared):
        on_picture(number, len(compared))
        if (found := fingerprint(item.prepared or item.image)) is not None:
            prints.append(found)
            of_print.append(item)
    on_picture(len(compared), len(compared))
    known = {(pair.one.name, pair.other.name) for pair in same}
    pairs = [
        AlikePair(of_print[one], of_print[other], likeness)
        for one, other, likeness in _tied(of_print, prints)
        if (of_print[one].name, of_print[other].name) not in known
    ]
    return sorted([*same, *pairs], key=lambda pair: (-pair.likeness, pair.one.name))


def _same_pixels(items: Sequence[DatasetItem]) -> Iterator[AlikePair]:
    first: dict[str, DatasetItem] = {}
    for item in items:
        if item.pixels is None:
            continue
        before = first.setdefault(item.pixels, item)
        if before is not item and (item.part is None or before.part != item.part):
            yield AlikePair(before, item, 1.0)


def _tied(
    items: Sequence[DatasetItem], prints: Sequence[Fingerprint]
) -> Iterator[tuple[int, int, float]]:
    """The pairs that tie alike pictures of different parts into clusters, a tree for each: of n
    copies n - 1 pairs, where all would be n * n / 2. `items` have those without a truth last.
    """
    names = [item.part or f"/{number}" for number, item in enumerate(items)]
    parts = np.unique(np.array(names, str), return_inverse=True)[1]
    has_truth = np.array([item.truth is not None for item in items], bool)
    cluster, is_tied = np.arange(len(items)), np.zeros(len(items), bool)
    for one, likeness in _correlated(prints):
        alike = one + 1 + np.flatnonzero(likeness >= ALIKE)
        alike = alike[parts[alike] != parts[one]]
        # What has no truth is tied once and ties nothing else: through it two splits would stay
        # apart in the list, though their own pictures show the same.
        same_kind = has_truth[alike] == has_truth[one]
        loose = alike[~same_kind & ~is_tied[alike]]
        is_tied[loose] = True
        joined, first = np.unique(cluster[alike[same_kind]], return_index=True)
        is_new = joined != cluster[one]
        if is_new.any():
            cluster[np.isin(cluster, joined)] = cluster[one]
        for other in (*alike[same_kind][first[is_new]], *loose):
            yield one, int(other), float(likeness[other - one - 1])


def _correlated(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, Fingerprint]]:
    """Each place with its correlation to those behind it."""
    if len(prints) < 3:
        return  # the mean of two is half of each: nothing of their own is left
    values = np.stack(prints)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    values -= values.mean(axis=0)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    for begin in range(0, len(values), _BLOCK):
        for number, row in enumerate(values[begin : begin + _BLOCK] @ values[begin:].T):
            yield begin + number, row[number + 1 :]
