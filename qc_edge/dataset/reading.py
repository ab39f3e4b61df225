"""A directory of pictures read as a dataset: one of our own, or what other tools lay out.

Reads names and lists; a picture is opened by whoever needs its pixels.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.camera.image_files import FOLDER
from qc_edge.dataset.item import DatasetItem, item_of
from qc_edge.dataset.manifest import MANIFEST, SAMPLES, DatasetManifest, decode
from qc_edge.dataset.sample import DEFECT, GOOD, UNLABELLED
from qc_edge.errors import UsageError

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_GOOD = {"good", "ok", "normal", "pass", "good_parts"}
_NO_TRUTH = {"unlabelled", "unlabeled", "unknown", "images", "data", "img"}
_BESIDE = {"prepared", "masks", "ground_truth", "annotations", "labels"}
"""Folders whose pictures are not the parts."""

_MASK_ENDINGS = (".mask", "_mask", "-mask")

_HINT = (
    "a directory of qc-edge dataset export, an index.csv (file, label), COCO, or folders such as "
    "good/ and scratch/"
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was found in `directory`: `kind` in words, `manifest` of one of our own.

    `digest` (hex) stands for its content: that of its manifest, else of the list of its pictures.
    """

    directory: Path
    kind: str
    items: list[DatasetItem]
    manifest: DatasetManifest | None
    digest: str


def open_dataset(directory: Path) -> Dataset:
    """The dataset in `directory`. Raises UsageError if there is none."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory", hint=_HINT)
    if (file := directory / MANIFEST).is_file():
        data = file.read_bytes()
        manifest = decode(data, str(file))
        items = _own(directory)
        return Dataset(directory, manifest.kind, items, manifest, hashlib.sha256(data).hexdigest())
    if (file := directory / "index.csv").is_file():
        kind, items = "index.csv", list(_of_index(file))
    elif listed := sorted(directory.glob("annotations/*.json")):
        kind, items = "COCO", [item for file in listed for item in _of_coco(file, directory)]
    else:
        kind, items = "folders", list(_of_folders(directory))
    if not items:
        raise UsageError(f"there is no picture in {directory}", hint=_HINT)
    names = "\n".join(f"{item.name}\t{item.truth}\t{item.class_name}" for item in items)
    return Dataset(directory, kind, items, None, hashlib.sha256(names.encode()).hexdigest())


def pictures_in(directories: Sequence[Path], truth: str) -> list[DatasetItem]:
    """All pictures below `directories` as good or defective ones, whatever the folders are called.

    Raises UsageError if there is none in one of them.
    """
    found = []
    for number, directory in enumerate(directories, 1):
        # Two directories may have a file of the same name.
        found += _samples_in(directory, truth, truth if number == 1 else f"{truth}-{number}")
    return found


def _samples_in(directory: Path, truth: str, prefix: str) -> list[DatasetItem]:
    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory", hint="one with pictures of parts")
    found = []
    for path in _pictures(directory):
        name = path.relative_to(directory).as_posix()
        folder = name.rpartition("/")[0].rpartition("/")[2]
        class_name = GOOD if truth == GOOD else folder or DEFECT
        found.append(
            DatasetItem(f"{prefix}/{name}", path, truth, class_name, mask=_mask_beside(path))
        )
    if not found:
        raise UsageError(f"there is no picture in {directory}", hint="PNG, JPEG, TIFF, BMP, PGM")
    return found


def _own(directory: Path) -> list[DatasetItem]:
    try:
        lines = (directory / SAMPLES).read_text(encoding="utf-8").splitlines()
        return [item_of(json.loads(line), directory) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UsageError(
            f"{directory / SAMPLES} does not read: {str(fault)[:200]}",
            hint="it was changed since it was exported: qc-edge dataset export makes it again",
        ) from None


def _of_index(file: Path) -> Iterator[DatasetItem]:
    """Columns file and label; defect_class, group, part, split and mask if they are there."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        if not {"file", "label"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{file} has no columns file and label", hint=_HINT)
        for row in rows:
            truth = row["label"] if row["label"] in {GOOD, DEFECT} else None
            mask = row.get("mask")
            yield DatasetItem(
                row["file"],
                file.parent / row["file"],
                truth,
                _class_of(truth, row.get("defect_class")),
                split=_SPLITS.get((row.get("split") or "").lower()),
                part=row.get("part") or None,
                group=row.get("group") or None,
                mask=file.parent / mask if mask else None,
            )


def _of_coco(file: Path, directory: Path) -> Iterator[DatasetItem]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        names = {each["id"]: str(each["name"]) for each in content.get("categories", [])}
        classes: dict[Any, str] = {}
        for annotation in content["annotations"]:
            classes.setdefault(annotation["image_id"], names[annotation["category_id"]])
        for image in content["images"]:
            said, marked = image.get("label"), classes.get(image["id"])
            truth = said if said in {GOOD, DEFECT} else (DEFECT if marked else GOOD)
            name = str(image["file_name"])
            path = next(
                (
                    place / name
                    for place in _coco_places(directory, file)
                    if (place / name).exists()
                ),
                directory / name,
            )
            yield DatasetItem(
                name,
                path,
                truth,
                _class_of(truth, marked or image.get("defect_class")),
                split=_SPLITS.get(file.stem.removeprefix("instances_").rstrip("0123456789")),
                part=image.get("part_id"),
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise UsageError(f"{file} is no COCO file: {fault!r}"[:300], hint=_HINT) from None


def _coco_places(directory: Path, file: Path) -> Iterator[Path]:
    split = file.stem.removeprefix("instances_")
    yield from (directory, directory / "images", directory / "images" / split, directory / split)


def _of_folders(directory: Path) -> Iterator[DatasetItem]:
    for path in _pictures(directory):
        name = path.relative_to(directory).as_posix()
        folders = [folder.lower() for folder in name.split("/")[:-1]]
        if _BESIDE & set(folders):
            continue
        split = next((_SPLITS[folder] for folder in folders if folder in _SPLITS), None)
        classes = [
            folder
            for folder in name.split("/")[:-1]
            if folder.lower() not in _SPLITS and folder.lower() not in _NO_TRUTH
        ]
        truth = None
        if classes:
            truth = GOOD if classes[-1].lower() in _GOOD else DEFECT
        yield DatasetItem(
            name,
            path,
            truth,
            _class_of(truth, classes[-1] if classes else None),
            split=split,
            mask=_mask_of(directory, path),
        )


def _class_of(truth: str | None, name: str | None) -> str:
    if truth != DEFECT:
        return truth or UNLABELLED
    return name or DEFECT


def _pictures(directory: Path) -> list[Path]:
    return [
        path
        for path in sorted(directory.rglob("*"))
        if path.suffix.lower() in FOLDER
        and not path.name.startswith(".")
        and not path.stem.lower().endswith(_MASK_ENDINGS)
        and path.is_file()
    ]


def _mask_of(directory: Path, picture: Path) -> Path | None:
    """Where MVTec's layout, or our own folders, have the mask; else one beside the picture."""
    name = picture.relative_to(directory)
    parts = name.parts[1:] if name.parts[0] == "images" else name.parts
    places = [
        directory / "masks" / Path(*parts).with_suffix(".png"),
        directory / "ground_truth" / picture.parent.name / f"{picture.stem}_mask.png",
    ]
    return next((place for place in places if place.is_file()), _mask_beside(picture))


def _mask_beside(picture: Path) -> Path | None:
    places = [picture.with_name(f"{picture.stem}{ending}.png") for ending in _MASK_ENDINGS]
    return next((place for place in places if place.is_file()), None)
