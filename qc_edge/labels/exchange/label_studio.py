"""Labels as Label Studio's JSON: tasks with annotations; regions in per cent of the picture."""

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


def read(content: list[Any]) -> ForeignFile:
    """The labels in an export of Label Studio (JSON, not JSON-MIN): one for each annotation."""
    found = ForeignFile()
    for number, task in enumerate(content, 1):
        try:
            where = f"task {task.get('id', number)}"
            data = task["data"]
            target = text_of(data, "frame_id") or frame_in(str(data["image"]))
            annotations = task.get("annotations") or []
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            found.misfits.append(Misfit(f"task {number}", f"it is no task: {fault!r}"[:200]))
            continue
        if not annotations:
            found.misfits.append(Misfit(where, "it has no annotation"))
        for annotation in annotations:
            try:
                if annotation.get("was_cancelled"):
                    raise ValueError("it was skipped")
                found.labels.append(_label(where, target, data, annotation))
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as fault:
                found.misfits.append(Misfit(where, str(fault)))
    return found


def write(labels: Sequence[ExportedLabel]) -> str:
    """The labels as tasks that Label Studio imports."""
    tasks = [
        {
            "data": {
                "image": label.raw_path,
                "frame_id": label.frame_id,
                "part_id": label.part_id,
                **({"why": label.why} if label.why else {}),
                **({"role": label.role} if label.role else {}),
                **({"defect_class": label.defect_class} if label.defect_class else {}),
            },
            "annotations": [{"completed_by": {"email": label.who}, "result": results_of(label)}],
        }
        for label in labels
    ]
    return json.dumps(tasks, indent=1)


def _label(
    where: str, target: str, data: dict[str, Any], annotation: dict[str, Any]
) -> ForeignLabel:
    said: Said | None = None
    classes, regions = list[str](), list[Region]()
    for result in annotation["result"]:
        kind, value = result["type"], result["value"]
        if kind == "choices":
            said = parse_said(value["choices"][0])
        elif kind in {"rectanglelabels", "polygonlabels", "rectangle", "polygon"}:
            classes += value.get(kind, [])
            regions.append(_region(value, result["original_width"], result["original_height"]))
        elif kind != "textarea":
            raise ValueError(f"a result of the type {kind}, expected boxes, polygons or choices")
    if said is None and not regions:
        raise ValueError("it says neither good nor defect")
    by = annotation.get("completed_by")
    return ForeignLabel(
        where,
        target,
        said or Said.DEFECT,
        _class_of(said or Said.DEFECT, classes, data),
        by.get("email") if isinstance(by, dict) else None,
        text_of(data, "role"),
        text_of(data, "why"),
        tuple(regions),
        annotation.get("lead_time"),
    )


def _class_of(said: Said, classes: Sequence[str], data: dict[str, Any]) -> str | None:
    """That of the regions; of a defect without one what the task says."""
    if said is not Said.DEFECT:
        return None
    return one_class([name for name in classes if name != _DEFECT]) or text_of(data, "defect_class")


def _region(value: dict[str, Any], width: float, height: float) -> Region:
    if value.get("rotation"):
        raise ValueError("a box that is turned")
    if "points" in value:
        points = tuple((x * width / 100, y * height / 100) for x, y in value["points"])
        return Polygon(points)
    return Box(
        value["x"] * width / 100,
        value["y"] * height / 100,
        value["width"] * width / 100,
        value["height"] * height / 100,
    )


def results_of(label: ExportedLabel) -> list[dict[str, Any]]:
    """What an annotation says: the choice, boxes and polygons. Masks are left out."""
    results: list[dict[str, Any]] = [
        {
            "type": "choices",
            "from_name": "label",
            "to_name": "image",
            "value": {"choices": [label.label]},
        }
    ]
    for region in label.shapes:
        if isinstance(region, Mask):
            continue
        kind = "rectanglelabels" if isinstance(region, Box) else "polygonlabels"
        results.append(
            {
                "type": kind,
                # The tool of the labelling interface that made it; each makes one kind.
                "from_name": "region" if isinstance(region, Box) else "outline",
                "to_name": "image",
                "original_width": label.width,
                "original_height": label.height,
                "value": _value(region, label) | {kind: [label.defect_class or _DEFECT]},
            }
        )
    return results


def _value(region: Box | Polygon, label: ExportedLabel) -> dict[str, Any]:
    width, height = label.width or 1, label.height or 1
    if isinstance(region, Polygon):
        return {"points": [[x * 100 / width, y * 100 / height] for x, y in region.points]}
    return {
        "x": region.x * 100 / width,
        "y": region.y * 100 / height,
        "width": region.width * 100 / width,
        "height": region.height * 100 / height,
        "rotation": 0,
    }
