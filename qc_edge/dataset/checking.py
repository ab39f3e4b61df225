"""Is this dataset fit to learn from? Its files, labels, masks and splits, looked at one by one.

Works on our own and on foreign ones; changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from qc_edge.dataset.datasheet import find_leaks
from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.likeness import AlikePair, alike_pairs
from qc_edge.dataset.manifest import MANIFEST
from qc_edge.dataset.placing import Progress
from qc_edge.dataset.reading import Dataset
from qc_edge.dataset.sample import DEFECT, GOOD

STEPS = {"files": "files", "pictures": "pictures", "likeness": "looking for copies"}

FEW = 20
"""Pictures of a kind: below that a model learns the pictures, and its figures say little."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DatasetFinding:
    """Something about the dataset. A `fault` must be mended before a model learns from it; what is
    none is for a person to know. `names` are the pictures or files that it is about.
    """

    code: str
    words: str
    is_fault: bool
    names: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The words with the first names."""
        if not self.names:
            return self.words
        more = f" and {len(self.names) - _SHOWN:,} more" if len(self.names) > _SHOWN else ""
        return f"{self.words}: {', '.join(self.names[:_SHOWN])}{more}"


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is seen of a picture without a model."""

    item: DatasetItem
    shape: tuple[int, ...]
    is_deep: bool
    sha256: str


def check_dataset(dataset: Dataset, progress: Progress) -> list[DatasetFinding]:
    """What is wrong with it, faults first."""
    findings = list(_files(dataset, progress))
    pictures, unreadable = _read(dataset.items, progress)
    if unreadable:
        findings.append(_fault("unreadable", "pictures that do not read", unreadable))
    findings += _labels(dataset.items)
    findings += _kinds(pictures)
    findings += _contradictions(pictures)
    findings += _masks(pictures)
    items = [picture.item for picture in pictures]
    alike = alike_pairs(items, lambda done, total: progress("likeness", done, total))
    findings += _splits(dataset.items, alike)
    return sorted(findings, key=lambda finding: not finding.is_fault)


def to_json_values(dataset: Dataset, findings: Sequence[DatasetFinding]) -> dict[str, Any]:
    """As `qc-edge dataset check --json` has it."""
    truths = Counter(item.truth or "unlabelled" for item in dataset.items)
    return {
        "directory": str(dataset.directory),
        "kind": dataset.kind,
        "sha256": dataset.digest,
        "pictures": dict(sorted(truths.items())),
        "fit": not any(finding.is_fault for finding in findings),
        "findings": [
            {
                "code": finding.code,
                "fault": finding.is_fault,
                "words": finding.words,
                "names": list(finding.names),
            }
            for finding in findings
        ],
    }


def _files(dataset: Dataset, progress: Progress) -> Iterator[DatasetFinding]:
    if dataset.manifest is None:
        return
    missing, changed = list[str](), list[str]()
    expected = dataset.manifest.files
    for number, (name, file) in enumerate(sorted(expected.items())):
        progress("files", number, len(expected))
        try:
            data = (dataset.directory / name).read_bytes()
        except OSError:
            missing.append(name)
            continue
        if hashlib.sha256(data).hexdigest() != file.sha256:
            changed.append(name)
    present = {
        path.relative_to(dataset.directory).as_posix()
        for path in dataset.directory.rglob("*")
        if path.is_file()
    }
    added = sorted(present - set(expected) - {MANIFEST})
    for code, names in (("missing", missing), ("changed", changed), ("added", added)):
        if names:
            yield _fault(code, f"files that are {code} since the manifest was written", names)


def _read(items: Sequence[DatasetItem], progress: Progress) -> tuple[list[_Picture], list[str]]:
    pictures, unreadable = list[_Picture](), list[str]()
    for number, item in enumerate(items):
        progress("pictures", number, len(items))
        pixels = cv2.imread(str(item.image), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            unreadable.append(item.name)
            continue
        digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
        pictures.append(_Picture(item, pixels.shape, pixels.dtype != np.uint8, digest))
    progress("pictures", len(items), len(items))
    return pictures, unreadable


def _labels(items: Sequence[DatasetItem]) -> Iterator[DatasetFinding]:
    counts = Counter(item.truth for item in items)
    known = counts[GOOD] + counts[DEFECT]
    if not known:
        yield _fault("no_labels", "no picture is labelled good or defect")
    elif not counts[GOOD] or not counts[DEFECT]:
        only, missing = (GOOD, DEFECT) if counts[GOOD] else (DEFECT, GOOD)
        yield _fault("one_class", f"all {known:,} labelled pictures are {only}, none is {missing}")
    few = [f"{counts[word]} {word}" for word in (GOOD, DEFECT) if 0 < counts[word] < FEW]
    if few:
        yield _note("few", f"few pictures: {', '.join(few)}; at least {FEW} of each")
    units = {item.unit for item in items if item.truth}
    if known > 1 and len(units) == 1:
        yield _fault(
            "one_part", "all labelled pictures are of one part or group: no split can test a model"
        )
    if all(item.part is None and item.group is None for item in items):
        yield _note(
            "no_parts", "it does not say which pictures are of one part: figures go by picture"
        )


def _kinds(pictures: Sequence[_Picture]) -> Iterator[DatasetFinding]:
    sizes = Counter(f"{each.shape[1]} x {each.shape[0]}" for each in pictures)
    if len(sizes) > 1:
        common = ", ".join(f"{count:,} of {size}" for size, count in sizes.most_common(3))
        yield _note("sizes", f"pictures of {len(sizes):,} sizes ({common})")
    deep = [each.item.name for each in pictures if each.is_deep]
    if deep:
        yield _note("deep", "pictures of 16 bits, which are reduced to 8", deep)
    colour = [each.item.name for each in pictures if len(each.shape) == 3]
    if colour and len(colour) < len(pictures):
        yield _note("mixed_colour", "some pictures are in colour, some are gray", colour)
    elif colour:
        yield _note("colour", "all pictures are in colour: a gray model weighs it away")


def _contradictions(pictures: Sequence[_Picture]) -> Iterator[DatasetFinding]:
    by_pixels: dict[str, list[DatasetItem]] = defaultdict(list)
    for picture in pictures:
        by_pixels[picture.sha256].append(picture.item)
    twice = [same for same in by_pixels.values() if len(same) > 1]
    at_odds = [same for same in twice if len({item.truth for item in same if item.truth}) > 1]
    if at_odds:
        names = [" = ".join(item.name for item in same) for same in at_odds]
        yield _fault("contradicting", "the same pixels, labelled both good and defect", names)
    names = [" = ".join(item.name for item in same) for same in twice if same not in at_odds]
    if names:
        yield _note("twice", "the same pixels more than once", names)


def _masks(pictures: Sequence[_Picture]) -> Iterator[DatasetFinding]:
    found: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        if picture.item.mask is None:
            continue
        mask = _mask(picture.item.mask)
        if mask is None:
            found["mask_unreadable"].append(picture.item.name)
        elif mask.shape[:2] != picture.shape[:2]:
            size = f"{mask.shape[1]} x {mask.shape[0]}"
            own = f"{picture.shape[1]} x {picture.shape[0]}"
            found["mask_size"].append(f"{picture.item.name} ({size}, the picture {own})")
        elif picture.item.truth == DEFECT and not mask.any():
            found["mask_empty"].append(picture.item.name)
        elif picture.item.truth == GOOD and mask.any():
            found["mask_of_good"].append(picture.item.name)
    words = {
        "mask_unreadable": "masks that do not read",
        "mask_size": "masks of another size than their picture",
        "mask_of_good": "good pictures whose mask marks a defect",
    }
    for code, names in found.items():
        if code == "mask_empty":
            yield _note(code, "defects whose mask marks nothing", names)
        else:
            yield _fault(code, words[code], names)


def _splits(items: Sequence[DatasetItem], alike: Sequence[AlikePair]) -> Iterator[DatasetFinding]:
    leaks = find_leaks(items, alike)
    for what, words in (("part", "parts"), ("group", "groups"), ("alike", "copies of a picture")):
        names = [" = ".join(leak.names) for leak in leaks if leak.what == what]
        if names:
            yield _fault(f"{what}_in_two_splits", f"{words} that stand in two splits", names)
    odds = [
        f"{pair.one.name} = {pair.other.name}"
        for pair in alike
        if pair.one.truth and pair.other.truth and pair.one.truth != pair.other.truth
    ]
    if odds:
        yield _note("alike_at_odds", "pictures that are nearly the same, one good, one not", odds)


def _mask(path: Path) -> np.ndarray[Any, Any] | None:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def _fault(code: str, words: str, names: Sequence[str] = ()) -> DatasetFinding:
    return DatasetFinding(code, words, is_fault=True, names=tuple(names))


def _note(code: str, words: str, names: Sequence[str] = ()) -> DatasetFinding:
    return DatasetFinding(code, words, is_fault=False, names=tuple(names))
