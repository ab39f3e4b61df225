"""A training from beginning to end: pictures, features, folds, the whole model, the bundle."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np

from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.manifest import NAME, VERSION
from qc_edge.bundles.signing_key import read_key_file
from qc_edge.dataset.reading import Dataset, open_dataset
from qc_edge.errors import EngineError, UsageError
from qc_edge.store.disk_errors import store_error
from qc_edge.training.learning.backbone import STRIDE, missing, pretrained
from qc_edge.training.learning.bundling import TrainedBundle, TrainedModel, bundle_of
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.features import Features, compute_features
from qc_edge.training.learning.fitting import FitPlan, fit, fit_memory
from qc_edge.training.learning.head import HeadPlan
from qc_edge.training.learning.pictures import (
    LearningPicture,
    LearningPictures,
    learning_pictures,
    proposed_size,
)
from qc_edge.training.learning.reporting import (
    alarm_share,
    by_group,
    half_the_parts,
    held_out_items,
    learnt_ranges,
    transfer_words,
    transfers,
)
from qc_edge.training.learning.request import Chosen, TrainRequest, chosen_items, folds_for
from qc_edge.training.learning.whole import memory_model, whole_model


class TrainingProgress(ScoringProgress, Protocol):
    """Whoever shows how far a training is."""

    def step(self, what: str, steps: int) -> None:
        """A step begins that has so many parts."""

    def advance_by(self, parts: int, what: str = "") -> None:
        """So many parts more of it are done; `what` is done now."""


def train(request: TrainRequest, progress: TrainingProgress) -> TrainedBundle:
    """Train and pack. Raises UsageError where the dataset cannot be learnt from, StoreError,
    ModelError; then there is no bundle, but what a next try goes on from.
    """
    if request.directory.exists():
        raise UsageError(
            f"{request.directory} is there already, and a version never changes",
            hint=f"give it another version: --name {request.name}@NEXT",
        )
    _require_packable(request)
    dataset = open_dataset(request.dataset)
    chosen = chosen_items(dataset)
    _require_torch(request)
    try:
        with _memory_told(request):
            trained = _trained(request, dataset, chosen, progress)
            made = bundle_of(trained, request, progress)
        shutil.rmtree(request.work, ignore_errors=True)
    except OSError as fault:
        raise store_error(fault, f"cannot write below {request.out}") from fault
    return made


def _trained(
    request: TrainRequest, dataset: Dataset, chosen: Chosen, progress: TrainingProgress
) -> TrainedModel:
    size = request.size or proposed_size(chosen.items)
    progress.step("pictures", len(chosen.items))
    found = learning_pictures(chosen.items, size, lambda: progress.advance_by(1))
    weights = pretrained()
    progress.step("features", len(found.pictures))
    threads = request.threads or len(os.sched_getaffinity(0))
    features = compute_features(
        found.pictures, size, weights, request.work, threads, progress.advance_by
    )
    examples = _examples(features, found.pictures)
    units = [each.item.unit for each in found.pictures]
    plan = FitPlan(
        folds=folds_for(chosen.items),
        seed=request.seed,
        head=HeadPlan(request.epochs, device=request.device),
    )
    notes = [*chosen.notes, *found.notes]
    values: dict[str, Any] = {"recipe": asdict(plan) | {"size": size}}
    if chosen.only_good:
        progress.step("good parts", plan.folds + 1)
        memory = fit_memory(examples, units, plan, lambda what: progress.advance_by(1, what))
        items = held_out_items(found.pictures, memory.held_out)
        values |= {"alarms": alarm_share(items, 0.5)}
        values |= {"learnt": learnt_ranges(found.pictures, items)}
        model = memory_model(size, weights, memory.memory)
        what = "good parts, patch by patch"
        return TrainedModel(model, items, notes, values, dataset, _description(what, size))
    plan = replace(plan, halves=1 if len(set(units)) >= 2 * plan.folds else 0)
    progress.step("learning", plan.heads)
    fitted = fit(examples, units, plan, request.work, lambda what: progress.advance_by(1, what))
    items = held_out_items(found.pictures, fitted.held_out)
    moved = transfers(items, fitted.held_out, request.escape_cost)
    half = half_the_parts(items, fitted)
    notes += [transfer_words(moved)] if moved else []
    notes += [half.words] if half else []
    notes += _marks_note(found)
    values |= {
        "threshold_transfer": [asdict(each) for each in moved],
        "half_the_parts": asdict(half) if half else None,
        "by_group": by_group(items, 0.5),
        "learnt": learnt_ranges(found.pictures, items),
    }
    model = whole_model(size, weights, fitted.head, fitted.probe, fitted.fusion)
    what = "a map of defects and a probe of the whole picture"
    return TrainedModel(model, items, notes, values, dataset, _description(what, size))


def _examples(features: Features, pictures: Sequence[LearningPicture]) -> Examples:
    bad = np.array([each.is_bad for each in pictures], bool)
    return Examples(features, bad, [each.marks for each in pictures])


def _marks_note(found: LearningPictures) -> list[str]:
    bad = [each for each in found.pictures if each.is_bad]
    marked = sum(each.marks is not None for each in bad)
    if marked == len(bad):
        return []
    told = (
        f"{len(bad) - marked:,} of {len(bad):,} bad pictures have no mask: where the defect is, "
        "is guessed from their labels; boxes make the map, and often the score, better"
    )
    return [told]


def _description(what: str, size: tuple[int, int]) -> str:
    return f"qc-edge train: {what}, {size[1]} x {size[0]}"


def _require_packable(request: TrainRequest) -> None:
    """What the bundle would be refused for is said before hours of training."""
    for given, what, pattern in (
        (request.name, "name", NAME),
        (request.version, "version", VERSION),
    ):
        if not re.fullmatch(pattern, given):
            raise UsageError(
                f"--name: {given!r} is no {what} of a bundle",
                hint="NAME@VERSION, such as flange@4: lower case, digits and dashes",
            )
    if not request.by.strip():
        raise UsageError("--by is empty", hint="who lets this bundle out")
    if request.key:
        read_key_file(request.key)


def _require_torch(request: TrainRequest) -> None:
    try:
        import torch
    except ImportError as fault:
        raise missing(fault) from None
    torch.set_num_threads(request.threads or len(os.sched_getaffinity(0)))
    if request.device != "cpu" and not torch.cuda.is_available():
        raise UsageError(
            f"--device {request.device}: this PyTorch ({torch.__version__}) finds no CUDA device",
            hint="--device cpu; the features are computed on the CPU in any case",
        )
    if request.size and any(side % STRIDE for side in request.size):
        raise UsageError(
            f"--size {request.size[1]}x{request.size[0]}: sides are multiples of {STRIDE}",
            hint="such as 256x256 or 544x224",
        )


@contextmanager
def _memory_told(request: TrainRequest) -> Iterator[None]:
    import torch

    try:
        yield
    except torch.OutOfMemoryError as fault:
        raise EngineError(
            f"the device {request.device} has no memory left: {str(fault).splitlines()[0]}",
            hint="--device cpu, or a smaller --size; the same command goes on where it was",
        ) from fault
