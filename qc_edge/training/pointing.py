"""Does the model look where the defect is? The peak of its map against the mask of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from qc_edge.training.grouped_share import GroupedShare, grouped_share
from qc_edge.training.scoring import ScoredItem


@dataclass(frozen=True, slots=True)
class Pointing:
    """How often the map's highest cell lies on a marked one, and how often it would by chance.

    `missed` are the names of the pictures where it does not.
    """

    hits: GroupedShare
    chance: float
    missed: tuple[str, ...]

    @property
    def words(self) -> str:
        """What a person should make of it."""
        share, low = self.hits.value or 0.0, (self.hits.interval or (0.0, 1.0))[0]
        told = (
            f"the peak of the map is on the defect in {self.hits.count} of {self.hits.of} "
            f"({share:.0%}; by chance {self.chance:.0%})"
        )
        if low <= self.chance:
            return f"{told}: no better than chance, the map does not show what the score says"
        return told


def pointing(items: Sequence[ScoredItem]) -> Pointing | None:
    """Over the defects with a mask and a map of the whole picture; None if there is none."""
    hits, units, chances, missed = list[bool](), list[str](), list[float](), list[str]()
    for each in items:
        if not each.is_bad or each.item.mask is None or each.defect_map is None:
            continue
        mask = cv2.imread(str(each.item.mask), cv2.IMREAD_GRAYSCALE)
        if mask is None or not mask.any() or not each.sees_whole:
            continue
        height, width = each.defect_map.shape
        # As float: the share that a small defect has of a cell would be rounded to none.
        marked = (mask > 0).astype(np.float32)
        cells = cv2.resize(marked, (width, height), interpolation=cv2.INTER_AREA) > 0
        peak = np.unravel_index(int(each.defect_map.argmax()), each.defect_map.shape)
        chances.append(float(cells.mean()))
        hits.append(bool(cells[peak]))
        units.append(each.item.unit)
        if not cells[peak]:
            missed.append(each.item.name)
    if not chances:
        return None
    return Pointing(grouped_share(hits, units), float(np.mean(chances)), tuple(missed))
