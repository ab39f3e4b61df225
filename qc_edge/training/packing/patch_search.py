"""The score of a model that scores patches: of how many of the highest, and on which scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qc_edge.dataset.item import DatasetItem
from qc_edge.training.calibration import platt
from qc_edge.training.metrics import Scores, auc
from qc_edge.training.model_plan import ModelPlan
from qc_edge.training.packing.trial import AdapterTrial, scored_samples

_SHARES = (0.01, 0.0, 0.05)
"""Of the patches that count, the usual one first: a defect covers few; 0 is the highest alone."""


def try_patches(
    model: bytes,
    plan: ModelPlan,
    normalisation: Mapping[str, Any],
    samples: Sequence[DatasetItem],
    *,
    top: int | None,
    stretched: bool,
) -> AdapterTrial | None:
    """The number of patches with which the model tells the samples apart best, and the scale; None
    if it gives no numbers, or all the same. Of several that do it as well the usual one is taken.
    """
    raw, areas = dict[int, Scores](), dict[int, float]()
    tried = [top] if top else [max(1, round(plan.patches * share)) for share in _SHARES]
    for count in dict.fromkeys(tried):
        values = _values(plan, normalisation, count) | {"activation": "none"}
        scored = scored_samples(model, plan, values, samples, stretched=stretched)
        bad = np.array([is_bad for is_bad, _ in scored], bool)
        raw[count] = np.array([score.value for _, score in scored])
        if not np.isfinite(raw[count]).all() or np.ptp(raw[count]) == 0.0:
            return None
        areas[count] = auc(raw[count], bad)
    best = max(areas, key=lambda count: areas[count])
    listed = ", ".join(f"{count}: {area:.3f}" for count, area in areas.items())
    how = "as was said" if top else f"ROC AUC by how many, {listed}"
    scale, told = _scale(raw[best], bad)
    words = f"the score is the mean of the {best} highest of {plan.patches} patches: {how}"
    return AdapterTrial(areas[best], _values(plan, normalisation, best) | scale, (words, told))


def _values(plan: ModelPlan, normalisation: Mapping[str, Any], top: int) -> dict[str, Any]:
    """Of the section [adapter]."""
    values = {**normalisation, "top": top}
    return values | {"patches": plan.patches} if plan.score_output else values


def _scale(raw: Scores, bad: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[dict[str, Any], str]:
    """What makes it 0..1, and in words."""
    if raw.min() >= 0.0 and raw.max() <= 1.0:
        return {"activation": "none"}, "it gives 0..1 by itself"
    deviation = max(float(raw.std()), 1e-6)
    slope, shift = platt((raw - raw.mean()) / deviation, bad)
    spread = deviation / slope
    midpoint = float(raw.mean()) - shift * spread
    told = f"it gives {raw.min():.4g} to {raw.max():.4g}; as odds: 0.5 at {midpoint:.4g}"
    scale = {"activation": "sigmoid", "midpoint": round(midpoint, 6), "spread": round(spread, 6)}
    return scale, told
