"""Labels as COCO: images, annotations with boxes or polygons in pixels, categories.

COCO has no word for a good part: an image's own key `label` says so, as the export writes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qc_edge.domain.label import Box, Mask, Polygon, Region, Said
from qc_edge.labels.exchange.exported import ExportedLabel
from qc_edge.labels.exchange.foreign import (
    ForeignFile,
    ForeignLabel,
    Misfit,
    frame_in,
    one_class,
    parse_said,
    text_of,
)

_DEFECT = "defect"
"""The category of a defect without a class."""


def read(content: dict[str, Any]) -> ForeignFile:
    """The labels in a COCO file. Raises ValueError, KeyError or TypeError if it is none."""
    names = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
    of_image: dict[Any, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        of_image.setdefault(annotation["image_id"], []).append(annotation)
    found = ForeignFile()
    for image in content["images"]:
        where = f"image {image.get('file_name', image.get('id'))}"
        try:
            found.labels.append(_label(where, image, of_image.get(image["id"], []), names))
        except (ValueError, KeyError, TypeError) as fault:
            found.misfits.append(Misfit(where, str(fault)))
    return found


def write(labels: Sequence[ExportedLabel]) -> str:
    """The labels as a COCO file."""
    classes = sorted({label.defect_class or _DEFECT for label in labels if label.shapes})
    numbers = {name: number for number, name in enumerate(classes, 1)}
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, label in enumerate(labels, 1):
        image = {
            "id": number,
            "file_name": label.raw_path,
            "width": label.width,
            "height": label.height,
            **{name: getattr(label, name) for name in ("frame_id", "part_id", "label")},
            **{name: getattr(label, name) for name in ("defect_class", "who", "role", "why")},
        }
        images.append({name: value for name, value in image.items() if value is not None})
        for region in label.shapes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": numbers[label.defect_class or _DEFECT],
                    "iscrowd": 0,
                    **_shape(region),
                }
            )
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return json.dumps(content, indent=1)


def _label(
    where: str, image: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str]
) -> ForeignLabel:
    said = text_of(image, "label")
    if said is None and not annotations:
        raise ValueError("it has no annotation, which says neither good nor defect")
    classes = [names[annotation["category_id"]] for annotation in annotations]
    defect_class = one_class([name for name in classes if name != _DEFECT])
    return ForeignLabel(
        where,
        text_of(image, "frame_id") or frame_in(str(image["file_name"])),
        parse_said(said) if said else Said.DEFECT,
        defect_class or text_of(image, "defect_class"),
        text_of(image, "who"),
        text_of(image, "role"),
        text_of(image, "why"),
        tuple(region for annotation in annotations for region in _regions(annotation)),
    )


def _regions(annotation: dict[str, Any]) -> list[Region]:
    if mask := annotation.get("mask"):
        return [Mask(str(mask))]
    outlines = annotation.get("segmentation")
    if isinstance(outlines, dict):
        raise TypeError("a mask as run lengths, expected polygons or a box")
    if outlines:
        return [
            Polygon(tuple((float(x), float(y)) for x, y in zip(flat[::2], flat[1::2], strict=True)))
            for flat in outlines
        ]
    x, y, width, height = map(float, annotation["bbox"])
    return [Box(x, y, width, height)]


def _shape(region: Region) -> dict[str, Any]:
    if isinstance(region, Mask):
        return {"mask": region.sha256}
    if isinstance(region, Box):
        return {"bbox": [region.x, region.y, region.width, region.height]} | {
            "area": region.width * region.height
        }
    xs, ys = zip(*region.points, strict=True)
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    flat = [value for point in region.points for value in point]
    return {"segmentation": [flat], "bbox": box, "area": box[2] * box[3]}
