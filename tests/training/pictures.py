"""Datasets of coloured parts, as the small models of `tests.adapted` tell them apart."""

from __future__ import annotations

from pathlib import Path

import cv2

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


def hash_of(kind: str, number: int) -> int:
    """A seed of its own for each picture."""
    return 1000 * list(COLOURS).index(kind) + number
