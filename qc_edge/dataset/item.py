"""One picture of a dataset as whoever reads it sees it, whoever made the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qc_edge.dataset.sample import WrittenSample


@dataclass(frozen=True, slots=True)
class DatasetItem:
    """A picture with what is known of it.

    `name` is its own within the dataset, `truth` good, defect or None, `split` train, val, test or
    None; `part` and `group` are what a split must not tear, None where the dataset does not say.
    `about` has what else is known: view, lot, recipe, recorded_at, model, score.
    """

    name: str
    image: Path
    truth: str | None
    class_name: str
    split: str | None = None
    part: str | None = None
    group: str | None = None
    prepared: Path | None = None
    mask: Path | None = None
    pixels: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What figures are counted by: the group, else the part, else the picture itself."""
        return self.group or self.part or self.name


def as_item(written: WrittenSample, directory: Path) -> DatasetItem:
    """A sample that was written below `directory`."""
    return item_of(written.to_json_values(), directory)


def item_of(values: Mapping[str, Any], directory: Path) -> DatasetItem:
    """A line of samples.jsonl of the dataset in `directory`. Raises KeyError or TypeError."""
    row, said = values["row"], values["prediction"]
    paths = [directory / values[name] if values[name] else None for name in ("prepared", "mask")]
    return DatasetItem(
        name=values["frame_id"],
        image=directory / values["image"],
        truth=values["truth"],
        class_name=values["class"],
        split=values["split"] if values["truth"] else None,
        part=values["part_id"],
        group=values["group"],
        prepared=paths[0],
        mask=paths[1],
        pixels=row["raw_sha256"],
        about={
            "view": row["view"] or row["camera"],
            "lot": row["lot"],
            "recipe": row["recipe"],
            "recorded_at": row["recorded_at"],
            "pixel_format": row["pixel_format"],
            "bit_depth": row["bit_depth"],
            "preprocess_id": row["preprocess_id"],
            "model": said["model"],
            "score": said["score"],
            "disputed": values["label"]["disputed"],
        },
    )
