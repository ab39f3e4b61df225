"""What is to be trained, from what: the pictures of a dataset that a training may see."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.reading import Dataset
from qc_edge.errors import UsageError

FEW_GOOD, FEW_BAD = 10, 5
"""With fewer nothing can be learnt and held out."""

_GROUPS = 3

EPOCHS = 10
"""Rounds over the parts, of which a head is learnt."""


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """`out` is the directory of bundles; `size` (height, width) of the input, None: by the
    pictures.
    """

    dataset: Path
    out: Path
    name: str
    version: str
    by: str
    size: tuple[int, int] | None = None
    seed: int = 1
    device: str = "cpu"
    threads: int = 0
    epochs: int = EPOCHS
    escape_cost: float = 1.0
    key: Path | None = None
    licence: str = "not stated"

    @property
    def directory(self) -> Path:
        """Where the bundle goes."""
        return self.out / self.name / self.version

    @property
    def work(self) -> Path:
        """What a training that was killed goes on from; gone when the bundle is whole."""
        return self.out / self.name / f".{self.version}.training"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pictures that are learnt from, and in words what a person should know of them.

    `only_good` where there is no bad one: then good parts are all that is learnt.
    """

    items: list[DatasetItem]
    notes: list[str]
    only_good: bool


def chosen_items(dataset: Dataset) -> Chosen:
    """All labelled ones, but for the test part: that is what will judge the model.

    Raises UsageError where nothing can be learnt.
    """
    _require_unchanged(dataset)
    known = [item for item in dataset.items if item.truth]
    test = [item for item in known if item.split == "test"]
    items = [item for item in known if item.split != "test"]
    counts = Counter(item.truth for item in items)
    good, bad = counts["good"], counts["defect"]
    hint = "label more: qc-edge review; the test part is never learnt from"
    if not good:
        raise UsageError(
            f"{dataset.directory} has no good part to learn from ({bad} defects)",
            hint="a model learns what is good first; " + hint,
        )
    if good < FEW_GOOD or 0 < bad < FEW_BAD:
        raise UsageError(
            f"{dataset.directory} has {good} good and {bad} bad pictures to learn from, expected "
            f"at least {FEW_GOOD} good, and {FEW_BAD} bad ones or none",
            hint=hint,
        )
    units = {item.unit for item in items}
    bad_units = {item.unit for item in items if item.truth == "defect"}
    if len(units) < _GROUPS:
        raise UsageError(
            f"all pictures are of {len(units)} part or group: nothing is left to hold out",
            hint=f"at least {_GROUPS} parts or lots; qc-edge dataset export --split-by part",
        )
    if bad and len(bad_units) < 2:
        raise UsageError(
            f"all {bad} bad pictures are of one part or group: none is left to hold out",
            hint="more bad parts; or only the good ones, for a start",
        )
    notes = []
    if test:
        notes.append(f"{len(test):,} pictures of the test part are not looked at")
    if all(item.part is None and item.group is None for item in items):
        notes.append(
            "the dataset names no parts: pictures of one part may stand on both sides of a fold, "
            "which makes the figures too good"
        )
    if not bad:
        notes.append("no bad part is labelled: the model knows only what good ones look like")
    return Chosen(items, notes, only_good=not bad)


def _require_unchanged(dataset: Dataset) -> None:
    """Of a dataset with a manifest: its pictures, masks and list are those that were exported."""
    if dataset.manifest is None:
        return
    files = dataset.manifest.files
    wanted = [path for item in dataset.items for path in (item.image, item.mask) if path]
    changed = []
    for path in [dataset.directory / "samples.jsonl", *wanted]:
        name = path.relative_to(dataset.directory).as_posix()
        known = files.get(name)
        try:
            same = known and hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256
        except OSError:
            same = False
        if not same:
            changed.append(name)
    if changed:
        raise UsageError(
            f"{len(changed)} files of {dataset.directory} are not as its manifest says: "
            + ", ".join(changed[:3]),
            hint="qc-edge dataset check names them all; qc-edge dataset export makes it again",
        )


def folds_for(items: Sequence[DatasetItem]) -> int:
    """Three, or two where the bad parts are of two groups."""
    return min(3, len({item.unit for item in items if item.truth == "defect"}) or 3)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Height and width of what a person has written, WxH or one side. Raises UsageError."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    try:
        found = int(height or width), int(width)
    except ValueError:
        found = 0, 0
    if not all(32 <= side <= 2048 and side % 32 == 0 for side in found):
        raise UsageError(
            f"--size {text} is no size of an input", hint="multiples of 32, such as 256 or 544x224"
        )
    return found
