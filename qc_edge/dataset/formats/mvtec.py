"""The layout of the MVTec anomaly detection data sets: train/good, test/CLASS, ground_truth/CLASS.

Anomaly detectors learn from good parts alone: a part with a defect is in the test part as a whole,
whatever its split. So a lot may stand in two splits here, a part never does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qc_edge.dataset.masks import LoadMask
from qc_edge.dataset.sample import DEFECT, UNLABELLED, Sample, WrittenSample, folder_name

_FOLDERS = {"train": "train", "val": "validation", "test": "test"}


def with_defects_in_test(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with their splits as this layout needs them."""
    defective = {sample.part_id for sample in samples if sample.truth == DEFECT}
    return [
        replace(sample, split="test") if sample.part_id in defective else sample
        for sample in samples
    ]


def image_stem(sample: Sample) -> str:
    """train/good, validation/good, or test below the class."""
    if sample.truth is None:
        return f"{UNLABELLED}/{sample.frame_id}"
    return f"{_FOLDERS[sample.split]}/{_class(sample)}/{sample.frame_id}"


def mask_name(sample: Sample) -> str:
    """ground_truth/CLASS/FRAME_mask.png."""
    return f"ground_truth/{_class(sample)}/{sample.frame_id}_mask.png"


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:  # noqa: ARG001
    """None: the folders say it all."""
    return {}


def _class(sample: Sample) -> str:
    return folder_name(sample.class_name, sample.truth == DEFECT)
