"""Label Studio: images/SPLIT/FRAME, tasks.json with labels and predictions, labelling.xml.

`qc-edge labels import` takes what Label Studio makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from qc_edge.dataset.formats.detection import class_names
from qc_edge.dataset.masks import LoadMask, outlines
from qc_edge.dataset.sample import DEFECT, Sample, WrittenSample, prediction
from qc_edge.domain.label import Mask, Region, Said, regions_json
from qc_edge.labels.exchange.exported import ExportedLabel
from qc_edge.labels.exchange.label_studio import results_of

_LOCAL = "/data/local-files/?d="
"""How Label Studio names a picture below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""


def image_stem(sample: Sample) -> str:
    """Below the split."""
    return f"images/{sample.subset}/{sample.frame_id}"


def mask_name(sample: Sample) -> str:
    """Its tasks have outlines; the masks themselves lie beside them."""
    return f"masks/{sample.subset}/{sample.frame_id}.png"


def label_files(samples: Sequence[WrittenSample], load: LoadMask) -> Mapping[str, str]:
    """The tasks, and how Label Studio shows them."""
    tasks = [_task(written, load) for written in samples]
    return {
        "tasks.json": json.dumps(tasks, indent=1) + "\n",
        "labelling.xml": _labelling(class_names(samples)),
    }


def _task(written: WrittenSample, load: LoadMask) -> dict[str, Any]:
    sample, label = written.sample, written.sample.label
    said = prediction(sample.row)
    data = {
        "image": _LOCAL + quote(written.image),
        "frame_id": sample.frame_id,
        "part_id": sample.part_id,
        "why": label.why,
        "role": label.role,
        "defect_class": label.defect_class if sample.truth else None,
        "verdict": said["verdict"],
        "score": said["score"],
    }
    task: dict[str, Any] = {
        "data": {name: value for name, value in data.items() if value is not None},
        "annotations": [],
        "predictions": [
            {"model_version": said["model"], "score": said["score"], "result": _predicted(said)}
        ],
    }
    if label.said is not None and not label.disputed:
        results = results_of(_as_exported(written, load))
        by = {"completed_by": {"email": label.who}} if label.who else {}
        task["annotations"] = [by | {"result": results}]
    return task


def _predicted(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    if said["verdict"] not in {"PASS", "FAIL"}:
        return []
    word = Said.DEFECT if said["verdict"] == "FAIL" else Said.GOOD
    return [
        {
            "type": "choices",
            "from_name": "label",
            "to_name": "image",
            "value": {"choices": [str(word)]},
        }
    ]


def _as_exported(written: WrittenSample, load: LoadMask) -> ExportedLabel:
    """The label as the exchange of labels writes it, masks as their outlines."""
    sample, label = written.sample, written.sample.label
    shapes = list[Region]()
    for region in sample.regions:
        if not isinstance(region, Mask):
            shapes.append(region)
        elif (mask := load(region)) is not None:
            shapes += outlines(mask)
    return ExportedLabel(
        sample.frame_id,
        sample.part_id,
        written.image,
        *sample.size,
        label.said or "",
        label.defect_class,
        label.who or "",
        label.role,
        label.why,
        regions_json(shapes),
        disputed=label.disputed,
    )


def _labelling(classes: Sequence[str]) -> str:
    words = [said for said in Said if said is not Said.DISPUTED]
    choices = "".join(f"<Choice value={quoteattr(str(word))}/>" for word in words)
    names = "".join(f"<Label value={quoteattr(name)}/>" for name in classes or [DEFECT])
    return (
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="label" toName="image" choice="single">{choices}</Choices>'
        f'<RectangleLabels name="region" toName="image">{names}</RectangleLabels>'
        f'<PolygonLabels name="outline" toName="image">{names}</PolygonLabels></View>\n'
    )
