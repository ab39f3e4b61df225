"""The files of a bundle that is made here: manifest, golden frames, report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from qc_edge.bundles.golden import coarse_maxima
from qc_edge.bundles.manifest import GOLDEN, MANIFEST, MODEL
from qc_edge.engine import Prepared, Score
from qc_edge.store.compression import png_of
from qc_edge.store.durable import write_file
from qc_edge.training.model_plan import ModelPlan

_COARSE = (8, 4, 2, 1)
"""Fields of a golden map, as many as divide its sides."""


@dataclass(frozen=True, slots=True)
class BundleContent:
    """What the manifest says beside the tensors. `adapter` has what they do not say."""

    name: str
    version: str
    by: str
    today: date
    description: str
    licence: str
    adapter: Mapping[str, Any]
    threshold: float = 0.5
    review_band: float = 0.1
    tolerance: float = 1e-3
    learnt_from: str = "not known"
    learnt_from_sha256: str = hashlib.sha256(b"").hexdigest()
    stretched: bool = False
    others: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class GoldenSample:
    """A golden frame and what the model said of it."""

    file: str
    shows: str
    prepared: Prepared
    score: Score


def write_bundle(
    directory: Path,
    model: bytes,
    plan: ModelPlan,
    content: BundleContent,
    golden: Sequence[GoldenSample],
    engine: str,
) -> None:
    """Write the bundle into `directory`. Raises DiskFullError or StoreError."""
    fields = _fields(plan)
    frames = [_entry(sample, fields) for sample in golden]
    values = {"engine": engine, "coarse": fields, "frames": frames}
    files = {
        MODEL: model,
        GOLDEN: json.dumps(values, indent=1).encode() + b"\n",
        **{f"golden/{sample.file}": png_of(sample.prepared) for sample in golden},
        **content.others,
    }
    for name, data in files.items():
        write_file(directory / name, data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    write_file(directory / MANIFEST, _manifest(plan, content, digests).encode())


def _fields(plan: ModelPlan) -> int:
    if plan.map_shape is None:
        return 1
    return next(n for n in _COARSE if not any(side % n for side in plan.map_shape))


def _entry(sample: GoldenSample, fields: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "file": sample.file,
        "shows": sample.shows,
        "score": round(sample.score.value, 6),
    }
    if sample.score.class_scores:
        entry["class_scores"] = {
            name: round(value, 6) for name, value in sample.score.class_scores.items()
        }
    plane = sample.score.defect_map
    if plane is not None and float(plane.min()) >= 0.0 and float(plane.max()) <= 1.0:
        coarse = coarse_maxima(plane, fields)
        entry["map_coarse"] = [[round(float(value), 5) for value in row] for row in coarse]
    return entry


def _manifest(plan: ModelPlan, content: BundleContent, digests: Mapping[str, str]) -> str:
    outputs: dict[str, Any] = {"score_means": _means(plan)}
    if plan.score_output:
        outputs["score"] = plan.score_output
    if plan.map_output:
        outputs |= {"defect_map": plan.map_output, "map_shape": list(plan.map_shape or ())}
    adapter = {"layout": plan.layout, "score": plan.score, **content.adapter}
    if plan.batch:
        adapter["batch"] = plan.batch
    sections: dict[str, Mapping[str, Any]] = {
        "input": {
            "name": plan.input,
            "shape": [plan.height, plan.width],
            "dtype": plan.dtype,
            "preprocess": plan.preprocess + ("-minmax" if content.stretched else ""),
        },
        "outputs": outputs,
        "adapter": adapter,
        "decision": {
            "threshold": content.threshold,
            "review_band": content.review_band,
            "tolerance": content.tolerance,
            "classes": [
                name
                for name in content.adapter.get("classes", ())
                if name not in content.adapter.get("good", ())
            ],
        },
        "training": {"data": content.learnt_from, "sha256": content.learnt_from_sha256},
        "approved": {"by": content.by, "at": content.today},
        "files": digests,
    }
    about = {
        "name": content.name,
        "version": content.version,
        "created": content.today,
        "licence": content.licence,
        "description": content.description,
    }
    text = _lines(about)
    for name, values in sections.items():
        text += f"\n[{name}]\n{_lines(values)}"
    return text


def _lines(values: Mapping[str, Any]) -> str:
    """Keys and values as TOML; strings and numbers are written there as JSON writes them."""
    return "".join(
        f"{json.dumps(key) if '/' in key or '.' in key else key} = {_value(value)}\n"
        for key, value in values.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def _means(plan: ModelPlan) -> str:
    return {
        "classes": "1 - the scores of the good classes",
        "value": "what the model gives, higher is worse",
        "map": "the highest value of the defect map",
        "patches": "the mean of the highest scores of patches",
    }[plan.score]
