"""One inspection as a sample of a dataset: what is known of it, and the files that hold it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qc_edge.domain.label import Region, parse_regions

GOOD, DEFECT, UNLABELLED = "good", "defect", "unlabelled"

UNLOCATED = "unlocated"
"""What a detector would learn as a good part: a defect that nobody has marked, or whose mask is
gone.
"""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class LabelInEffect:
    """What people have said of it: `said` is good, defect, unsure or not_inspectable."""

    said: str | None
    defect_class: str | None
    who: str | None
    role: str | None
    at: str | None
    why: str | None
    people: int
    disputed: bool
    regions: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """An inspection that goes into a dataset.

    `row` is the whole row of the log, JSON-ready; `shadow` are the rows of the shadow of it.
    `has_masks`: no mask of its defects is gone.
    """

    frame_id: str
    row: Mapping[str, Any]
    label: LabelInEffect
    shadow: Sequence[Mapping[str, Any]]
    group: str
    split: str
    has_masks: bool = True

    @property
    def part_id(self) -> str:
        """The physical piece."""
        return str(self.row["part_id"])

    @property
    def truth(self) -> str | None:
        """good or defect; None where nobody has said so, or people do not agree."""
        if self.label.disputed or self.label.said not in {GOOD, DEFECT}:
            return None
        return self.label.said

    @property
    def class_name(self) -> str:
        """good, the class of the defect (defect without one), or unlabelled."""
        if self.truth != DEFECT:
            return self.truth or UNLABELLED
        return self.label.defect_class or DEFECT

    @property
    def subset(self) -> str:
        """train, val or test; unlabelled for what has no truth."""
        return self.split if self.truth else UNLABELLED

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where the defects are, in pixels of the raw frame; empty without a truth of defect."""
        return parse_regions(self.label.regions) if self.truth == DEFECT else ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the raw frame (pixels)."""
        return int(self.row["width"] or 0), int(self.row["height"] or 0)


@dataclass(frozen=True, slots=True)
class WrittenSample:
    """A sample with its files, relative to the dataset: the raw frame, the prepared input and the
    mask of its defects, None where there is none.
    """

    sample: Sample
    image: str
    prepared: str | None = None
    mask: str | None = None

    def to_json_values(self) -> dict[str, Any]:
        """A line of samples.jsonl."""
        sample, row = self.sample, self.sample.row
        return {
            "frame_id": sample.frame_id,
            "part_id": sample.part_id,
            "lot": row["lot"],
            "group": sample.group,
            "split": sample.split,
            "subset": sample.subset,
            "truth": sample.truth,
            "class": sample.class_name,
            "image": self.image,
            "prepared": self.prepared,
            "mask": self.mask,
            "label": {name: getattr(sample.label, name) for name in LabelInEffect.__slots__}
            | {"regions": json.loads(sample.label.regions or "[]")},
            "prediction": prediction(row),
            "shadow": [prediction(each) for each in sample.shadow],
            "row": row,
        }


def prediction(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a model said, and which."""
    return {
        "model": f"{row['model_name']}@{row['model_version']}",
        "model_sha256": row["model_sha256"],
        "score": row["score"],
        "threshold": row["threshold"],
        "verdict": row["verdict"],
        "class": row.get("predicted_class"),
    }


def folder_name(class_name: str, is_defect: bool) -> str:
    """A class as the name of a folder; two classes never share one."""
    if is_defect and class_name in {GOOD, UNLABELLED}:
        return f"defect-{class_name}"
    safe = _UNSAFE.sub("_", class_name).lstrip(".") or "_"
    if safe == class_name:
        return safe
    return f"{safe}-{hashlib.sha256(class_name.encode()).hexdigest()[:6]}"
