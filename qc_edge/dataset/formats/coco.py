"""COCO: images/SPLIT/FRAME and annotations/SPLIT.json, boxes, polygons and run lengths in pixels.

COCO has no word for a good part: an image's own keys say so, and who said it, and what the model
said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from qc_edge.dataset.formats.detection import by_subset, class_names, subset_of
from qc_edge.dataset.masks import (
    LoadMask,
    area,
    around,
    boxes,
    packed_run_lengths,
    run_lengths,
)
from qc_edge.dataset.sample import Sample, WrittenSample, prediction
from qc_edge.domain.label import Box, Mask, Polygon, Region


def image_stem(sample: Sample) -> str:
    """Below the split."""
    return f"images/{subset_of(sample)}/{sample.frame_id}"


def mask_name(sample: Sample) -> None:  # noqa: ARG001 - as every format
    """None: masks stand in the annotations."""
    return


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:
    """One file for each split."""
    numbers = {name: number for number, name in enumerate(class_names(samples), 1)}
    return {
        f"annotations/{subset}.json": _file(of_subset, numbers, load)
        for subset, of_subset in by_subset(samples).items()
    }


def _file(samples: Sequence[WrittenSample], numbers: Mapping[str, int], load: LoadMask) -> str:
    marked = list[dict[str, Any]]()
    for number, written in enumerate(samples, 1):
        for region in written.sample.regions:
            for shape in _shapes(region, load):
                about = {
                    "id": len(marked) + 1,
                    "image_id": number,
                    "category_id": numbers[written.sample.class_name],
                    "iscrowd": 0,
                }
                marked.append(about | shape)
    content = {
        "images": [_image(number, written) for number, written in enumerate(samples, 1)],
        "annotations": marked,
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
    }
    return json.dumps(content, indent=1) + "\n"


def _image(number: int, written: WrittenSample) -> dict[str, Any]:
    sample, label = written.sample, written.sample.label
    width, height = sample.size
    values = {
        "id": number,
        "file_name": written.image,
        "width": width,
        "height": height,
        "frame_id": sample.frame_id,
        "part_id": sample.part_id,
        "label": sample.truth,
        "defect_class": label.defect_class if sample.truth else None,
        "who": label.who,
        "role": label.role,
        "why": label.why,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return known | {"prediction": prediction(sample.row)}


def _shapes(region: Region, load: LoadMask) -> Iterator[dict[str, Any]]:
    if isinstance(region, Box):
        box = list(boxes(region, load)[0])
        yield {"bbox": box, "area": box[2] * box[3], "segmentation": []}
    elif isinstance(region, Polygon):
        flat = [value for point in region.points for value in point]
        yield {"bbox": list(around(region)), "area": area(region), "segmentation": [flat]}
    elif shape := _of_mask(region, load):
        yield shape


def _of_mask(region: Mask, load: LoadMask) -> dict[str, Any] | None:
    """The whole mask as one annotation, with its own digest for whom has it already."""
    mask = load(region)
    if mask is None or not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "area": int(np.count_nonzero(mask)),
        "segmentation": {
            "size": list(mask.shape),
            "counts": packed_run_lengths(run_lengths(mask)),
        },
        "mask": region.sha256,
    }
