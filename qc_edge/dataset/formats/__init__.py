"""The formats of datasets, each a module that says where pictures lie and writes the annotations.

A format has `image_stem(sample)`, the name of the raw frame without its suffix;
`mask_name(sample)`, where a mask goes (None: this format has no place for it); and
`label_files(samples, load)`, the files beside the pictures by their names.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from qc_edge.dataset.masks import LoadMask
from qc_edge.dataset.sample import Sample, WrittenSample

FORMATS = {
    "folder": "folder",
    "coco": "coco",
    "yolo": "yolo",
    "labelstudio": "labelstudio",
    "fiftyone": "fiftyone",
    "mvtec": "mvtec",
}
"""What `--format` says -> module here."""


class DatasetFormat(Protocol):
    """A module of this package."""

    def image_stem(self, sample: Sample) -> str:
        """Where the raw frame goes, without its suffix."""

    def mask_name(self, sample: Sample) -> str | None:
        """Where the mask of its defects goes; None if there is no place for one."""

    def label_files(self, samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:
        """The other files of the dataset, by name."""


def find_format(kind: str) -> DatasetFormat:
    """The format of that name, one of FORMATS."""
    return cast("DatasetFormat", importlib.import_module(f"{__name__}.{FORMATS[kind]}"))


def prepared_stem(image_stem: str) -> str:
    """Where the prepared input goes, beside the raw frames, without its suffix."""
    return f"prepared/{image_stem.removeprefix('images/')}"
