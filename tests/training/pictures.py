"""Datasets of coloured parts, as the small models of `tests.adapted` tell them apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from qc_edge.dataset.item import DatasetItem
from qc_edge.training.scoring import ScoredItem
from tests.adapted import BLUE, GREEN, RED, RGB, part

COLOURS = {"good": GREEN, "scratch": RED, "pit": BLUE}


def put(path: Path, rgb: RGB) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])


def coloured(directory: Path, each: int = 6, groups: int = 6) -> Path:
    """An index.csv of good parts, scratches and pits; picture N is of group N modulo `groups`."""
    lines = ["file,label,defect_class,group"]
    for kind, colour in COLOURS.items():
        for number in range(each):
            name = f"{kind}/{number}.png"
            put(directory / name, part(colour, hash_of(kind, number)))
            truth = "good,," if kind == "good" else f"defect,{kind},"
            lines.append(f"{name},{truth}g{number % groups}")
    (directory / "index.csv").write_text("\n".join(lines))
    return directory


def scored(name: str, score: float, truth: str, **known: Any) -> ScoredItem:
    """A picture that a model has scored; `known` is of the item, but `defect_map`."""
    plane = known.pop("defect_map", None)
    item = DatasetItem(name, Path(name), truth, truth, **known)
    return ScoredItem(item, score, plane, None, (0.0,) * 4, sees_whole=True, pixels=None)


def hash_of(kind: str, number: int) -> int:
    """A seed of its own for each picture."""
    return 1000 * list(COLOURS).index(kind) + number
