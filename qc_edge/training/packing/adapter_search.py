"""What a model's tensors do not say, found with samples: normalisation, activation, the good class.

Found only where the samples decide it; else a person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qc_edge.dataset.item import DatasetItem
from qc_edge.engine import Score
from qc_edge.errors import ModelError, UsageError
from qc_edge.training.metrics import auc
from qc_edge.training.model_plan import ModelPlan
from qc_edge.training.packing.patch_search import try_patches
from qc_edge.training.packing.trial import AdapterTrial, scored_samples

NORMALISATIONS: dict[str, dict[str, Any]] = {
    "imagenet": {
        "scale": 1 / 255,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    "unit": {"scale": 1 / 255},
    "symmetric": {"scale": 1 / 127.5, "mean": [1.0]},
    "none": {},
}
"""How pixels become the input: ImageNet's mean and deviation, 0..1, -1..1, 0..255."""

MOST_TRIED = 120
"""Samples of a kind that a search scores, evenly spaced."""

_CLEAR = 0.02
"""By how much one normalisation must separate the samples better than all others."""

_GOOD_NAMES = {"good", "ok", "normal", "pass"}


@dataclass(frozen=True, slots=True)
class AdapterWish:
    """What a person has said; None and empty: to be found. `top`: of how many patches the score is
    the mean.
    """

    normalisation: str | None = None
    classes: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    stretched: bool = False
    top: int | None = None


NO_WISH = AdapterWish()


@dataclass(frozen=True, slots=True)
class FoundAdapter:
    """The rest of the section [adapter], and in words how each part of it was found."""

    values: Mapping[str, Any]
    found: tuple[str, ...]


def find_adapter(
    model: bytes, plan: ModelPlan, wish: AdapterWish, samples: Sequence[DatasetItem]
) -> FoundAdapter:
    """The adapter with which the model tells the samples apart. Raises UsageError where they do not
    decide, ModelError for a model that gives no scores.
    """
    if wish.classes and len(wish.classes) != plan.classes:
        raise UsageError(
            f"--classes names {len(wish.classes)}, the model's output has {plan.classes}",
            hint="in the order of the output",
        )
    if wish.top is not None and not (plan.score == "patches" and 1 <= wish.top <= plan.patches):
        told = f"1 to {plan.patches}" if plan.patches else "--adapter patches with it"
        raise UsageError(f"--top {wish.top}: expected {told}", hint="or leave it out: it is found")
    tried = {name: _try(model, plan, wish, name, samples) for name in _candidates(plan, wish)}
    usable = {name: each for name, each in tried.items() if each is not None}
    if not usable:
        what = "numbers that differ" if plan.patches else "scores in 0..1"
        raise ModelError(
            f"the model gives no {what} for any of the samples, however they are normalised",
            hint="are its weights whole? scores without bounds need a scale inside the model, or, "
            "where they are a map or scores of patches, --adapter patches",
        )
    ranked = sorted(usable, key=lambda name: -usable[name].auc)
    best = usable[ranked[0]]
    if len(ranked) > 1 and best.auc - usable[ranked[1]].auc < _CLEAR:
        listed = ", ".join(f"{name} {usable[name].auc:.3f}" for name in ranked)
        raise UsageError(
            f"the samples do not tell how the model's input is normalised (ROC AUC: {listed})",
            hint="say it: --normalise imagenet, unit (0..1), symmetric (-1..1) or none (0..255)",
        )
    if best.auc < 0.5:
        raise ModelError(
            f"the model scores good samples higher than bad ones (ROC AUC {best.auc:.3f})",
            hint="are the folders of --good and --bad the right way round? or its output is "
            "another one: --output, --adapter",
        )
    words = [f"it tells the samples apart with a ROC AUC of {best.auc:.3f}", *best.found]
    if plan.dtype == "float32":
        how = "as was said" if wish.normalisation else "found by the samples"
        words.append(f"normalisation {ranked[0]}: {how}")
    return FoundAdapter(best.values, tuple(words))


def _candidates(plan: ModelPlan, wish: AdapterWish) -> list[str]:
    if plan.dtype == "uint8":
        return ["none"]
    if wish.normalisation:
        return [wish.normalisation]
    return [name for name in NORMALISATIONS if plan.colour or name != "imagenet"]


def _try(
    model: bytes,
    plan: ModelPlan,
    wish: AdapterWish,
    normalisation: str,
    samples: Sequence[DatasetItem],
) -> AdapterTrial | None:
    """With that normalisation; None if that gives no scores."""
    if plan.score == "patches":
        way = NORMALISATIONS[normalisation]
        return try_patches(model, plan, way, samples, top=wish.top, stretched=wish.stretched)
    names = list(wish.classes) or [f"class_{number}" for number in range(plan.classes)]
    for activation in ("none", "softmax" if plan.score == "classes" else "sigmoid"):
        values: dict[str, Any] = {**NORMALISATIONS[normalisation], "activation": activation}
        if plan.score == "classes":
            values |= {"classes": names, "good": names[:1]}
        scored = scored_samples(model, plan, values, samples, stretched=wish.stretched)
        if all(0.0 <= score.value <= 1.0 for _, score in scored):
            return _judged(plan, wish, values, scored)
    return None


def _judged(
    plan: ModelPlan,
    wish: AdapterWish,
    values: dict[str, Any],
    scored: Sequence[tuple[bool, Score]],
) -> AdapterTrial:
    bad = np.array([is_bad for is_bad, _ in scored], bool)
    activation = values["activation"]
    found = [f"activation {activation}: what makes the outputs scores"]
    if plan.score != "classes":
        return AdapterTrial(
            auc(np.array([each.value for _, each in scored]), bad), values, tuple(found)
        )
    names = values["classes"]
    shares = np.array([[(each.class_scores or {})[name] for name in names] for _, each in scored])
    good = list(wish.good) or [name for name in names if name.lower() in _GOOD_NAMES]
    if not good:
        # The class that good samples have more of than bad ones, by most.
        at = int(np.argmax(shares[~bad].mean(axis=0) - shares[bad].mean(axis=0)))
        found.append(f"output {at} is good: good samples have more of it than bad ones")
        good = [names[at]]
        if not wish.classes:
            others = ["defect"] if len(names) == 2 else [f"class_{n}" for n in range(len(names))]
            names = ["good" if n == at else others[n % len(others)] for n in range(len(names))]
            good = ["good"]
    unknown = [name for name in good if name not in names]
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} is none of the classes", hint=f"they are {', '.join(names)}"
        )
    scores = 1.0 - shares[:, [names.index(name) for name in good]].sum(axis=1)
    return AdapterTrial(auc(scores, bad), values | {"classes": names, "good": good}, tuple(found))
