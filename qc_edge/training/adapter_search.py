"""What a model's tensors do not say, found with samples: normalisation, activation, the good class.

Found only where the samples decide it; else a person is asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.bundles.bundle import open_bundle
from qc_edge.dataset.item import DatasetItem
from qc_edge.engine import Engine, Score, load_engine
from qc_edge.errors import ModelError, UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import EngineSettings
from qc_edge.training.bundle_files import BundleContent, GoldenSample, write_bundle
from qc_edge.training.metrics import auc
from qc_edge.training.model_plan import ModelPlan
from qc_edge.training.scoring import PreparedItem, prepared_for

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
    """What a person has said; None and empty: to be found."""

    normalisation: str | None = None
    classes: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    stretched: bool = False


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
    tried = {name: _try(model, plan, wish, name, samples) for name in _candidates(plan, wish)}
    usable = {name: each for name, each in tried.items() if each is not None}
    if not usable:
        raise ModelError(
            "the model gives no scores in 0..1 for any of the samples, however they are normalised",
            hint="are its weights whole? scores without bounds need a scale inside the model",
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


@dataclass(frozen=True, slots=True)
class _Trial:
    auc: float
    values: Mapping[str, Any]
    found: tuple[str, ...]


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
) -> _Trial | None:
    """With that normalisation; None if that gives no scores."""
    names = list(wish.classes) or [f"class_{number}" for number in range(plan.classes)]
    for activation in ("none", "softmax" if plan.score == "classes" else "sigmoid"):
        values: dict[str, Any] = {**NORMALISATIONS[normalisation], "activation": activation}
        if plan.score == "classes":
            values |= {"classes": names, "good": names[:1]}
        with trial_engine(model, plan, values, stretched=wish.stretched) as (engine, prepare):
            scored = []
            for item in samples:
                prepared = prepare(item)
                if not isinstance(prepared, str):
                    scored.append((item.truth == "defect", engine.infer(prepared.pixels[None])[0]))
        if not scored:
            raise UsageError(
                "none of the samples could be read", hint="PNG, JPEG, TIFF, BMP, PGM, PPM"
            )
        if all(0.0 <= score.value <= 1.0 for _, score in scored):
            return _judged(plan, wish, values, scored)
    return None


def _judged(
    plan: ModelPlan,
    wish: AdapterWish,
    values: dict[str, Any],
    scored: Sequence[tuple[bool, Score]],
) -> _Trial:
    bad = np.array([is_bad for is_bad, _ in scored], bool)
    activation = values["activation"]
    found = [f"activation {activation}: what makes the outputs scores"]
    if plan.score != "classes":
        return _Trial(auc(np.array([each.value for _, each in scored]), bad), values, tuple(found))
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
    return _Trial(auc(scores, bad), values | {"classes": names, "good": good}, tuple(found))


@contextmanager
def trial_engine(
    model: bytes, plan: ModelPlan, adapter: Mapping[str, Any], *, stretched: bool
) -> Iterator[tuple[Engine, Callable[[DatasetItem], PreparedItem | str]]]:
    """An engine with the model in a bundle that is gone afterwards, and what prepares pictures for
    it. Raises ModelError with the reason for which a station would refuse it.
    """
    content = BundleContent(
        "trial", "0", "trial", utc_now().date(), "a trial", "none", adapter, stretched=stretched
    )
    with tempfile.TemporaryDirectory(prefix="qc-edge-pack-") as directory:
        shape = (plan.height, plan.width, 3) if plan.colour else (plan.height, plan.width)
        classes = dict.fromkeys(adapter.get("classes", ()), 0.0)
        score = Score(0.0, None, classes)
        plain = GoldenSample("plain.png", "plain", np.zeros(shape, np.uint8), score)
        write_bundle(Path(directory), model, plan, content, [plain], "trial")
        bundle = open_bundle(Path(directory))
        engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1))

        def prepare(item: DatasetItem) -> PreparedItem | str:
            return prepared_for(bundle, item)

        try:
            yield engine, prepare
        finally:
            engine.close()
