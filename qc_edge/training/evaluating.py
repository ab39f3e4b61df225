"""An evaluation from beginning to end: the pictures, their scores, the figures, what they rest on.

Only what the model has not seen counts: the test part where the dataset has parts, and no picture
of a part or group of which the bundle's own report says that its threshold was set on a picture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qc_edge.analysis.comparison.side import ComparisonSide
from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.bundle import Bundle
from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.reading import Dataset
from qc_edge.engine import EngineInfo, load_engine
from qc_edge.errors import UsageError
from qc_edge.training.evaluation import Evaluation, evaluate_items, paired_gain
from qc_edge.training.metrics import Estimate
from qc_edge.training.scoring import ScoredItem, ScoredItems, score_items

REPORT = "report.json"
"""Of a bundle that `model pack` has made: the pictures that its threshold was set on."""

_FEW_GROUPS = 20

_SEEN = "were used to make the bundle, or are of a part or group of which one was"


@dataclass(frozen=True, slots=True)
class EvaluatedSide:
    """A bundle with its figures and the pictures that they are of."""

    side: ComparisonSide
    engine: EngineInfo
    evaluation: Evaluation
    scored: Sequence[ScoredItem]
    skipped: Mapping[str, int]
    infer_ms: float


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What `qc-edge evaluate` tells. `gain` is how much the first is above `other`, `split` the
    part of the dataset, `notes` what a person must know first.
    """

    dataset: Dataset
    split: str
    first: EvaluatedSide
    other: EvaluatedSide | None
    gain: Estimate | None
    notes: Sequence[str]

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "dataset": str(self.dataset.directory),
            "dataset_sha256": self.dataset.digest,
            "split": self.split,
            "notes": list(self.notes),
            "pictures": sorted({each.pixels for each in self.first.scored if each.pixels}),
            "bundle": _side_values(self.first),
            "against": _side_values(self.other) if self.other else None,
            "gain": asdict(self.gain) if self.gain else None,
        }


def evaluate(
    sides: Sequence[ComparisonSide], dataset: Dataset, split: str | None, progress: ScoringProgress
) -> EvaluationReport:
    """Evaluate one bundle, or two on the same pictures. Raises UsageError where nothing can be
    said, ModelError or EngineError.
    """
    part, items = _chosen(dataset, split)
    seen = [seen_pictures(side.bundle) for side in sides]
    scored = [_scored(side, items, progress) for side in sides]
    # Of both: the figures of two bundles are of the same pictures, or they compare nothing. And the
    # whole part or group: another picture of the same piece is no new one.
    known = {
        each.item.unit
        for found, _ in scored
        for each in found.items
        if any(each.pixels in pictures for pictures in seen)
    }
    dropped = 0
    for found, _ in scored:
        before = len(found.items)
        found.items = [each for each in found.items if each.item.unit not in known]
        dropped = max(dropped, before - len(found.items))
    names = set.intersection(*({each.item.name for each in found.items} for found, _ in scored))
    evaluated = []
    for side, (found, engine) in zip(sides, scored, strict=True):
        usable = [each for each in found.items if each.item.name in names]
        _require_both(usable, found, dataset, dropped)
        evaluated.append(
            EvaluatedSide(
                side,
                engine,
                evaluate_items(usable, side.threshold),
                usable,
                dict(found.skipped),
                float(np.median(found.times_ms)),
            )
        )
    first, *others = evaluated
    other = others[0] if others else None
    gain = paired_gain(first.scored, other.scored) if other else None
    notes = list(_notes(dataset, part, first, dropped))
    return EvaluationReport(dataset, part, first, other, gain, notes)


def seen_pictures(bundle: Bundle) -> frozenset[str]:
    """Digests of the pictures that the bundle's report says were used to make it."""
    if REPORT not in bundle.manifest.files:
        return frozenset()
    try:
        values = json.loads((bundle.directory / REPORT).read_bytes())
        return frozenset(map(str, values["pictures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()  # of another tool's making


def _chosen(dataset: Dataset, split: str | None) -> tuple[str, list[DatasetItem]]:
    known = [item for item in dataset.items if item.truth]
    splits = {item.split for item in known}
    if split is None and "train" in splits and "test" not in splits:
        raise UsageError(
            f"{dataset.directory} has pictures to train with, and no test part",
            hint="--split val; or --split all, if the model was trained on other pictures",
        )
    wanted = split or ("test" if "test" in splits else "all")
    items = known if wanted == "all" else [item for item in known if item.split == wanted]
    if not items:
        there = ", ".join(sorted(each for each in splits if each)) or "no split"
        raise UsageError(
            f"{dataset.directory} has no labelled picture in {wanted}",
            hint=f"it has {there}; --split all takes everything that is labelled",
        )
    return wanted, items


def _scored(
    side: ComparisonSide, items: Sequence[DatasetItem], progress: ScoringProgress
) -> tuple[ScoredItems, EngineInfo]:
    engine = load_engine(side.bundle, side.engine, side.build_context)
    try:
        return score_items(side.bundle, engine, items, progress), engine.info
    finally:
        engine.close()


def _require_both(
    usable: Sequence[ScoredItem], found: ScoredItems, dataset: Dataset, dropped: int
) -> None:
    bad = sum(each.is_bad for each in usable)
    if 0 < bad < len(usable):
        return
    reasons = [f"{count} {why}" for why, count in found.skipped.items()]
    reasons += [f"{dropped} {_SEEN}"] if dropped else []
    raise UsageError(
        f"{dataset.directory}: {len(usable) - bad} good and {bad} bad pictures were scored, "
        "expected some of both" + (f" ({', '.join(reasons)})" if reasons else ""),
        hint="qc-edge dataset check says what is in it; --split all takes all parts of it",
    )


def _notes(dataset: Dataset, part: str, first: EvaluatedSide, dropped: int) -> Sequence[str]:
    evaluation, training = first.evaluation, first.side.bundle.manifest.training
    notes = []
    if dropped:
        notes.append(f"{dropped:,} pictures are left out: they {_SEEN}")
    if training.sha256 == dataset.digest and part not in {"test", "val"}:
        notes.append(
            "the model was trained on this very dataset: the figures are far too good; "
            "take --split test"
        )
    if all(each.item.part is None and each.item.group is None for each in first.scored):
        notes.append(
            "the dataset names no parts: pictures of one part count as independent, which makes "
            "intervals too narrow"
        )
    if evaluation.groups < _FEW_GROUPS:
        notes.append(f"only {evaluation.groups} groups: intervals are rough")
    if evaluation.baseline:
        notes.append(evaluation.baseline.words)
    if evaluation.pointing:
        notes.append(evaluation.pointing.words)
    for why, count in first.skipped.items():
        notes.append(f"{count:,} pictures have no score: {why}")
    return notes


def _side_values(side: EvaluatedSide) -> dict[str, Any]:
    bundle = side.side.bundle
    return {
        "bundle": bundle.reference,
        "sha256": bundle.digest,
        "model_sha256": bundle.sha256,
        "threshold": side.side.threshold,
        "threshold_from": side.side.threshold_source,
        "engine": asdict(side.engine),
        "infer_ms": side.infer_ms,
        "skipped": dict(side.skipped),
        "figures": side.evaluation.to_json_values(),
    }
