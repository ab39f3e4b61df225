"""Folders: images/SPLIT/CLASS/FRAME, as image classifiers of every kind read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qc_edge.dataset.masks import LoadMask
from qc_edge.dataset.sample import DEFECT, UNLABELLED, Sample, WrittenSample, folder_name


def image_stem(sample: Sample) -> str:
    """Below the split and the class; what has no truth lies apart."""
    if sample.truth is None:
        return f"images/{UNLABELLED}/{sample.frame_id}"
    name = folder_name(sample.class_name, sample.truth == DEFECT)
    return f"images/{sample.split}/{name}/{sample.frame_id}"


def mask_name(sample: Sample) -> str:
    """The same name below masks/."""
    return f"masks/{image_stem(sample).removeprefix('images/')}.png"


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:  # noqa: ARG001
    """None: the folders say it all."""
    return {}
