"""A bundle of any ONNX model: how it is asked, golden frames, threshold, tolerance, report, proof.

Everything is written into a hidden directory and gets its name when an engine has passed the
bundle's own self-test.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qc_edge.analysis.comparison.side import ComparisonSide
from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.bundles.manifest import SIGNATURE
from qc_edge.bundles.signing import sign_manifest
from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.reading import Dataset
from qc_edge.engine import Score
from qc_edge.engine.onnx import model_tensors
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError, UsageError
from qc_edge.settings import EngineSettings
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk, write_file
from qc_edge.training.bundle_files import BundleContent, GoldenSample, write_bundle
from qc_edge.training.choosing import golden_frames, onnx_engine, propose_threshold, some_of_each
from qc_edge.training.evaluating import REPORT, EvaluatedSide, EvaluationReport
from qc_edge.training.evaluation import evaluate_items
from qc_edge.training.model_plan import ModelPlan, plan_model
from qc_edge.training.packing.adapter_search import MOST_TRIED, find_adapter
from qc_edge.training.packing.compiling import compiled_ahead
from qc_edge.training.packing.request import PackRequest, draft_of
from qc_edge.training.report_page import evaluation_page
from qc_edge.training.scoring import ScoredItems, score_items

_TOLERANCE_MIN, _TOLERANCE_MAX = 1e-3, 0.1
_TOLERANCE_TIMES = 20
"""The tolerance over what scores move by on this machine: other machines move them further."""


_SEEN = (
    "the threshold was set on these very pictures: on others it does worse, qc-edge evaluate says "
    "by how much"
)


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """The bundle, and in words how what it declares was found; `report` are the figures on the very
    samples that its threshold was set on.
    """

    bundle: Bundle
    found: tuple[str, ...]
    report: EvaluationReport
    signed_by: str | None


def pack(
    request: PackRequest, samples: Sequence[DatasetItem], progress: ScoringProgress
) -> PackedBundle:
    """Make the bundle. Raises UsageError where a person has to say more, ModelError with the reason
    for which a station would refuse the model; then nothing is left.
    """
    if request.directory.exists():
        raise UsageError(
            f"{request.directory} is there already, and a version never changes",
            hint=f"give it another version: --name {request.name}@NEXT",
        )
    try:
        model = request.model.read_bytes()
    except OSError as fault:
        raise UsageError(
            f"cannot read {request.model}: {fault.strerror}", hint="the model as one .onnx file"
        ) from None
    inputs, outputs = model_tensors(request.model)
    plan = plan_model(inputs, outputs, request.adapter, request.output)
    adapter = find_adapter(model, plan, request.wish, some_of_each(samples, MOST_TRIED))
    work = request.directory.with_name(f".{request.version}.partial")
    shutil.rmtree(work, ignore_errors=True)
    try:
        draft = draft_of(request, samples, adapter.values)
        made = _Making(work, model, plan, draft)
        scored = made.score(samples, progress)
        report, words = made.finish(scored, request)
        signed_by = _sign(work, request.key) if request.key else None
        os.rename(work, request.directory)  # noqa: PTH104
        Disk().sync_directory(request.directory.parent)
    except OSError as fault:
        raise store_error(fault, f"cannot write {request.directory}") from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)
    bundle = open_bundle(request.directory)
    return PackedBundle(bundle, (*adapter.found, *words), report, signed_by)


@dataclass(frozen=True, slots=True)
class _Making:
    """A bundle in the making: first with a stand-in for golden frames, then whole."""

    work: Path
    model: bytes
    plan: ModelPlan
    draft: BundleContent

    def score(self, samples: Sequence[DatasetItem], progress: ScoringProgress) -> ScoredItems:
        """All samples scored by the bundle as it is declared. Raises ModelError if that gives no
        figures.
        """
        first = [stand_in(self.plan, self.draft)]
        write_bundle(self.work, self.model, self.plan, self.draft, first, "none yet")
        bundle = open_bundle(self.work)
        engine = onnx_engine(bundle, 1)
        try:
            scored = score_items(bundle, engine, samples, progress)
        finally:
            engine.close()
        bad = sum(each.is_bad for each in scored.items)
        if not 0 < bad < len(scored.items):
            reasons = ", ".join(f"{count} {why}" for why, count in scored.skipped.items())
            raise ModelError(
                f"{len(scored.items) - bad} good and {bad} bad samples have a score, expected some "
                f"of both ({reasons or 'there are no others'})",
                hint="more samples; or the model gives no numbers: was it exported whole?",
            )
        return scored

    def finish(
        self, scored: ScoredItems, request: PackRequest
    ) -> tuple[EvaluationReport, tuple[str, ...]]:
        """The bundle with golden frames, threshold, tolerance and report, proven by an engine."""
        items = scored.items
        threshold, band = propose_threshold(items, request.escape_cost)
        first = open_bundle(self.work)
        golden, moved = golden_frames(first, items, threshold)
        tolerance = float(np.clip(_TOLERANCE_TIMES * moved, _TOLERANCE_MIN, _TOLERANCE_MAX))
        engine = onnx_engine(first, 1)
        engine.close()
        name = f"{engine.info.backend} {engine.info.version}, {engine.info.device}"
        evaluated = EvaluatedSide(
            ComparisonSide(
                first.reference, first, EngineSettings(backend="onnx"), threshold, "proposed"
            ),
            engine.info,
            evaluate_items(items, threshold),
            items,
            dict(scored.skipped),
            float(np.median(scored.times_ms)),
        )
        compiled = compiled_ahead(first, request.compile_for, str(request.directory))
        report = _report(evaluated, self.draft, compiled)
        slow = float(np.quantile(scored.times_ms, 0.95))
        words = (
            f"threshold {threshold:g}: the fewest errors among the samples",
            f"tolerance {tolerance:g}: golden scores moved by {moved:.2g} with other threads",
            f"inference {evaluated.infer_ms:.2f} ms, 95 % below {slow:.2f} ms, on one thread here",
            compiled,
        )
        pictures = sorted({each.pixels for each in items if each.pixels})
        values = report.to_json_values() | {"found": words, "pictures": pictures}
        others = {
            REPORT: json.dumps(values, indent=1, default=str).encode() + b"\n",
            "report.html": evaluation_page(report).encode(),
        }
        final = replace(
            self.draft, threshold=threshold, review_band=band, tolerance=tolerance, others=others
        )
        shutil.rmtree(self.work)
        write_bundle(self.work, self.model, self.plan, final, golden, name)
        bundle = open_bundle(self.work)
        engine = onnx_engine(bundle, 2)
        try:
            self_test(engine, bundle)
        finally:
            engine.close()
        return report, words


def stand_in(plan: ModelPlan, content: BundleContent) -> GoldenSample:
    """A golden frame of a bundle that nothing has been scored with."""
    shape = (plan.height, plan.width) + (3,) * plan.colour
    classes = dict.fromkeys(content.adapter.get("classes", ()), 0.0)
    return GoldenSample("plain.png", "plain", np.zeros(shape, np.uint8), Score(0.0, None, classes))


def _report(evaluated: EvaluatedSide, draft: BundleContent, compiled: str) -> EvaluationReport:
    items = [each.item for each in evaluated.scored]
    dataset = Dataset(Path("samples"), "samples", items, None, draft.learnt_from_sha256)
    evaluation = evaluated.evaluation
    told = [each.words for each in (evaluation.baseline, evaluation.pointing) if each is not None]
    told += [f"{count:,} samples have no score: {why}" for why, count in evaluated.skipped.items()]
    notes = [_SEEN, *told, compiled]
    return EvaluationReport(dataset, "samples", evaluated, None, None, notes)


def _sign(work: Path, key: Path) -> str:
    public, content = sign_manifest(open_bundle(work), key)
    write_file(work / SIGNATURE, content)
    return public
