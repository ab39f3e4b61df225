"""Copies of one piece under several ids: found, and told in a list that a person can read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from qc_edge.dataset.datasheet import find_leaks
from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.likeness import alike_pairs

COPIES, OTHERS = 12, 24


def test_many_copies_are_told_once_each_and_no_split_is_missed(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    common = chance.integers(0, 255, (48, 48)).astype(np.float32)
    items = []
    for number in range(COPIES + OTHERS):
        own = common if number < COPIES else chance.integers(0, 255, (48, 48))
        pixels = np.clip(own + chance.integers(-3, 4, (48, 48)), 0, 255).astype(np.uint8)
        path = tmp_path / f"{number:02}.png"
        assert cv2.imwrite(str(path), pixels)
        # The first is unlabelled, the last copy alone is in test.
        split = None if number == 0 else "test" if number == COPIES - 1 else "train"
        truth = None if number == 0 else "good"
        items.append(DatasetItem(path.name, path, truth, "good", split=split, part=path.stem))
    pairs = alike_pairs(items)
    assert len(pairs) == COPIES - 1, "not each with each"
    copies = {item.name for item in items[:COPIES]}
    assert {item.name for pair in pairs for item in (pair.one, pair.other)} == copies
    (leak,) = find_leaks(items, pairs)
    assert leak.what == "alike" and f"{COPIES - 1:02}.png" in leak.names
