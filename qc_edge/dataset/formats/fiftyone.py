"""FiftyOne: data/FRAME, samples.json and metadata.json, as `fiftyone.types.FiftyOneDataset` reads
them (the form without a version, so that any version takes it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qc_edge.dataset.formats.detection import class_names
from qc_edge.dataset.masks import LoadMask, boxes
from qc_edge.dataset.sample import GOOD, Sample, WrittenSample, prediction


def image_stem(sample: Sample) -> str:
    """All in one folder: subsets are tags there."""
    return f"data/{sample.frame_id}"


def mask_name(sample: Sample) -> str:
    """The same name below masks/."""
    return f"masks/{sample.frame_id}.png"


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:
    """All samples in one file."""
    about = {"info": {}, "default_classes": [GOOD, *class_names(samples)]}
    content = {"samples": [_sample(written, load) for written in samples]}
    return {
        "metadata.json": json.dumps(about, indent=1) + "\n",
        "samples.json": json.dumps(content, indent=1) + "\n",
    }


def _sample(written: WrittenSample, load: LoadMask) -> dict[str, Any]:
    sample, said = written.sample, prediction(written.sample.row)
    values: dict[str, Any] = {
        "filepath": written.image,
        "tags": [sample.subset],
        "metadata": None,
        "frame_id": sample.frame_id,
        "part_id": sample.part_id,
        "lot": sample.row["lot"],
        "camera": sample.row["camera"],
        "labelled_by": sample.label.who,
        "model": said["model"],
        "prediction": _classification(said["verdict"], said["score"]),
        "ground_truth": _classification(sample.class_name if sample.truth else None),
        "regions": {"_cls": "Detections", "detections": _detections(sample, load)},
    }
    return values


def _classification(label: str | None, score: float | None = None) -> dict[str, Any] | None:
    if label is None:
        return None
    return {"_cls": "Classification", "label": label, "confidence": score}


def _detections(sample: Sample, load: LoadMask) -> list[dict[str, Any]]:
    width, height = sample.size
    return [
        {
            "_cls": "Detection",
            "label": sample.class_name,
            "bounding_box": [x / width, y / height, w / width, h / height],
        }
        for region in sample.regions
        for x, y, w, h in boxes(region, load)
    ]
