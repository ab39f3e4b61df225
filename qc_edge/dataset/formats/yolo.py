"""YOLO: images/SPLIT/FRAME, labels/SPLIT/FRAME.txt with boxes in shares of the frame, data.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from qc_edge.dataset.formats.detection import class_names, subset_of
from qc_edge.dataset.masks import BoxCorners, LoadMask, boxes
from qc_edge.dataset.sample import Sample, WrittenSample
from qc_edge.dataset.splits import SPLITS


def image_stem(sample: Sample) -> str:
    """Below the split."""
    return f"images/{subset_of(sample)}/{sample.frame_id}"


def mask_name(sample: Sample) -> None:  # noqa: ARG001 - as every format
    """None: it knows boxes."""
    return


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:
    """A file for each frame of a split, empty for a good part; data.yaml names the classes."""
    names = class_names(samples)
    numbers = {name: number for number, name in enumerate(names)}
    files = {
        f"labels/{subset_of(written.sample)}/{written.sample.frame_id}.txt": _lines(
            written.sample, numbers, load
        )
        for written in samples
        if subset_of(written.sample) in SPLITS
    }
    # Names as JSON has them, which YAML reads: a class may hold any sign.
    lines = [f"{split}: images/{split}" for split in SPLITS]
    lines += ["names:", *(f"  {number}: {json.dumps(name)}" for name, number in numbers.items())]
    return files | {"data.yaml": "\n".join(lines) + "\n"}


def _lines(sample: Sample, numbers: Mapping[str, int], load: LoadMask) -> str:
    width, height = sample.size
    found = (at_least_a_pixel(box) for region in sample.regions for box in boxes(region, load))
    return "".join(
        f"{numbers[sample.class_name]} {(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} "
        f"{w / width:.6f} {h / height:.6f}\n"
        for x, y, w, h in found
    )


def at_least_a_pixel(box: BoxCorners) -> BoxCorners:
    """At least a pixel wide and high, round the same middle: a scratch drawn as a line is a box
    without area, which trainers refuse or leave out.
    """
    x, y, width, height = box
    wide, high = max(width, 1.0), max(height, 1.0)
    return x - (wide - width) / 2, y - (high - height) / 2, wide, high
