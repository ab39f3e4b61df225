"""Datasets of rendered parts with masks, a group for each few parts: small enough to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from qc_edge.rendered.kinds import DefectKind
from qc_edge.rendered.part import render

SIZE = (320, 256)
KINDS = (DefectKind.SCRATCH, DefectKind.STAIN, DefectKind.MISSING_HOLE)


def write_dataset(
    directory: Path,
    good: Sequence[int],
    bad: Sequence[int],
    groups: int = 6,
    *,
    masks: bool = True,
    severity: float | None = 0.8,
) -> Path:
    """An index.csv of the parts with these seeds."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = ["file,label,defect_class,group,mask"]
    for number, (seed, is_bad) in enumerate([(s, False) for s in good] + [(s, True) for s in bad]):
        kind = KINDS[seed % len(KINDS)] if is_bad else None
        part = render(seed, kind, size=SIZE, severity=severity if is_bad else None)
        name = f"{'bad' if is_bad else 'good'}{seed}"
        assert cv2.imwrite(str(directory / f"{name}.png"), part.pixels)
        mask = ""
        if is_bad and masks:
            mask = f"{name}.mask.png"
            assert cv2.imwrite(str(directory / mask), part.mask.astype(np.uint8) * 255)
        label = f"defect,{kind.value}" if kind else "good,"
        lines.append(f"{name}.png,{label},g{number % groups},{mask}")
    (directory / "index.csv").write_text("\n".join(lines))
    return directory


class Quiet:
    """A `TrainingProgress` that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, what: str, steps: int) -> None:
        self.told.append(f"{what} {steps}")

    def advance_by(self, parts: int, what: str = "") -> None:
        self.told.append(what)

    def start(self, model: str, total: int, kept: int = 0) -> None:
        self.told.append(model)

    def advance(self) -> None:
        pass
