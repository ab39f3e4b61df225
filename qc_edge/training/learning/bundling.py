"""A trained model as a bundle: golden frames, threshold, report, and an engine's proof.

The threshold, the report and its figures are of pictures that the model had not learnt from.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.analysis.comparison.side import ComparisonSide
from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.bundles.manifest import SIGNATURE
from qc_edge.bundles.signing import sign_manifest
from qc_edge.dataset.reading import Dataset
from qc_edge.engine import EngineInfo
from qc_edge.engine.onnx import model_tensors
from qc_edge.engine.self_test import self_test
from qc_edge.service.clock import utc_now
from qc_edge.settings import EngineSettings
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk, write_file
from qc_edge.training.bundle_files import BundleContent, write_bundle
from qc_edge.training.choosing import golden_frames, onnx_engine, propose_threshold, some_of_each
from qc_edge.training.evaluating import REPORT, EvaluatedSide, EvaluationReport
from qc_edge.training.evaluation import evaluate_items
from qc_edge.training.learning.request import TrainRequest
from qc_edge.training.model_plan import ModelPlan, plan_model
from qc_edge.training.packing.pack import stand_in
from qc_edge.training.report_page import evaluation_page
from qc_edge.training.scoring import ScoredItem, score_items

_GOLDEN_FROM = 40
"""Pictures of a kind that golden frames are chosen from, evenly spaced."""

_GOOD_ONLY_THRESHOLD, _GOOD_ONLY_BAND = 0.5, 0.2

_LICENCE = "features: EfficientNet-Lite0, Apache-2.0 (Google; weights of ImageNet)"


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """The file and what was found out about it. `values` go into the report as they are."""

    model: bytes
    held_out: Sequence[ScoredItem]
    notes: Sequence[str]
    values: dict[str, Any]
    dataset: Dataset
    description: str


@dataclass(frozen=True, slots=True)
class TrainedBundle:
    """`report` is None where there was no bad part to count with."""

    bundle: Bundle
    report: EvaluationReport | None
    notes: Sequence[str]


def bundle_of(
    trained: TrainedModel, request: TrainRequest, progress: ScoringProgress
) -> TrainedBundle:
    """The bundle in its place, proven by an engine; or nothing. Raises ModelError or StoreError."""
    work = request.directory.with_name(f".{request.version}.partial")
    shutil.rmtree(work, ignore_errors=True)
    try:
        made = _made(work, trained, request, progress)
        if request.key:
            _, content = sign_manifest(open_bundle(work), request.key)
            write_file(work / SIGNATURE, content)
        os.rename(work, request.directory)  # noqa: PTH104
        Disk().sync_directory(request.directory.parent)
    except OSError as fault:
        raise store_error(fault, f"cannot write {request.directory}") from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return replace(made, bundle=open_bundle(request.directory))


def _made(
    work: Path, trained: TrainedModel, request: TrainRequest, progress: ScoringProgress
) -> TrainedBundle:
    threshold, band = _GOOD_ONLY_THRESHOLD, _GOOD_ONLY_BAND
    both = len({each.is_bad for each in trained.held_out}) > 1
    if both:
        threshold, band = propose_threshold(trained.held_out, request.escape_cost)
    plan = _plan(work, trained.model)
    content = _content(trained, request, threshold, band)
    write_bundle(work, trained.model, plan, content, [stand_in(plan, content)], "none yet")
    first = open_bundle(work)
    engine = onnx_engine(first, 1)
    try:
        some = some_of_each([each.item for each in trained.held_out], _GOLDEN_FROM)
        scored = score_items(first, engine, some, progress)
    finally:
        engine.close()
    golden, moved = golden_frames(first, scored.items, threshold)
    tolerance = float(np.clip(20 * moved, 1e-3, 0.1))
    infer_ms = float(np.median(scored.times_ms))
    evaluated = None if not both else _evaluated(first, engine.info, trained, threshold, infer_ms)
    report = None if evaluated is None else _report(evaluated, trained)
    words = (f"inference {infer_ms:.1f} ms on one thread here",)
    others = {REPORT: _encoded(trained, report, words)}
    if report is not None:
        others["report.html"] = evaluation_page(report).encode()
    final = replace(content, tolerance=tolerance, others=others)
    shutil.rmtree(work)
    name = f"{engine.info.backend} {engine.info.version}, {engine.info.device}"
    write_bundle(work, trained.model, plan, final, golden, name)
    bundle = open_bundle(work)
    proof = onnx_engine(bundle, 2)
    try:
        self_test(proof, bundle)
    finally:
        proof.close()
    return TrainedBundle(bundle, report, [*trained.notes, *words])


def _plan(work: Path, model: bytes) -> ModelPlan:
    """As `model pack` reads it, from the file."""
    file = work / "model.onnx"
    write_file(file, model)
    return plan_model(*model_tensors(file), "score", None)


def _content(
    trained: TrainedModel, request: TrainRequest, threshold: float, band: float
) -> BundleContent:
    bad = sum(each.is_bad for each in trained.held_out)
    good = len(trained.held_out) - bad
    return BundleContent(
        name=request.name,
        version=request.version,
        by=request.by,
        today=utc_now().date(),
        description=trained.description,
        licence=f"{request.licence}; {_LICENCE}",
        adapter={"activation": "none"},
        threshold=threshold,
        review_band=band,
        learnt_from=f"qc-edge train: {good} good and {bad} bad pictures of "
        f"{trained.dataset.directory.name}, seed {request.seed}",
        learnt_from_sha256=trained.dataset.digest,
    )


def _evaluated(
    bundle: Bundle, info: EngineInfo, trained: TrainedModel, threshold: float, infer_ms: float
) -> EvaluatedSide:
    settings = EngineSettings(backend="onnx")
    side = ComparisonSide(bundle.reference, bundle, settings, threshold, "proposed")
    evaluation = evaluate_items(trained.held_out, threshold)
    return EvaluatedSide(side, info, evaluation, trained.held_out, {}, infer_ms)


def _report(evaluated: EvaluatedSide, trained: TrainedModel) -> EvaluationReport:
    evaluation = evaluated.evaluation
    told = [each.words for each in (evaluation.baseline, evaluation.pointing) if each is not None]
    notes = [*trained.notes, *told]
    return EvaluationReport(trained.dataset, "folds", evaluated, None, None, notes)


def _encoded(trained: TrainedModel, report: EvaluationReport | None, words: Sequence[str]) -> bytes:
    values = report.to_json_values() if report else {"notes": list(trained.notes)}
    pictures = sorted({each.pixels for each in trained.held_out if each.pixels})
    values |= trained.values | {"found": words, "pictures": pictures}
    return json.dumps(values, indent=1, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
