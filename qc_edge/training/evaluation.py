"""The figures of a bundle on a dataset: how well, for which kind, how sure, and what it is worth.

Computes; reads no files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.training.baseline import Baseline, best_baseline
from qc_edge.training.grouped_share import GroupedShare, Units, grouped_share
from qc_edge.training.metrics import (
    Estimate,
    ReliabilityBin,
    Scores,
    Truths,
    alarms_at_recall,
    auc,
    average_precision,
    bootstrap,
    grouped,
    reliability,
)
from qc_edge.training.pointing import Pointing, pointing
from qc_edge.training.scoring import ScoredItem

RECALLS = (0.90, 0.95, 0.99, 1.0)
RATIOS = (1, 3, 10, 30, 100)
"""What an escape costs, in good parts thrown away."""


@dataclass(frozen=True, slots=True)
class SliceFigures:
    """One class of defects, or one view: AUC against all good ones (of that view), and errors at
    the threshold.
    """

    name: str
    auc: float | None
    escapes: GroupedShare
    overkill: GroupedShare


@dataclass(frozen=True, slots=True)
class CostPoint:
    """The threshold that costs least where an escape costs `ratio` good parts; cost per 1,000
    pictures as many of which are bad as here, in good parts.
    """

    ratio: int
    threshold: float
    escapes: int
    overkill: int
    cost: float
    cost_at_threshold: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one bundle; `by_part` counts each part once, by its highest score."""

    threshold: float
    good: int
    bad: int
    groups: int
    auc: Estimate
    average_precision: float
    escapes: GroupedShare
    overkill: GroupedShare
    escapes_by_part: GroupedShare
    overkill_by_part: GroupedShare
    auc_by_part: float
    alarms: Mapping[str, tuple[float, Estimate]]
    classes: Sequence[SliceFigures]
    views: Sequence[SliceFigures]
    reliability: Sequence[ReliabilityBin]
    calibration_error: float
    costs: Sequence[CostPoint]
    baseline: Baseline | None
    pointing: Pointing | None

    def to_json_values(self) -> dict[str, Any]:
        """As JSON has it, shares with their intervals."""
        return _plain(asdict(self), self)


def evaluate_items(items: Sequence[ScoredItem], threshold: float) -> Evaluation:
    """The figures of scored pictures with a truth, of which at least one is good and one bad."""
    scores, bad = arrays(items)
    members = grouped([each.item.unit for each in items])
    bins, error = reliability(scores, bad)
    at_threshold = scores, bad, _units(items), threshold
    parts, part_bad, part_units = _by_part(items)
    parts_at_threshold = parts, part_bad, part_units, threshold
    return Evaluation(
        threshold=threshold,
        good=int((~bad).sum()),
        bad=int(bad.sum()),
        groups=len(members),
        auc=bootstrap(members, lambda at: auc(scores[at], bad[at])),
        average_precision=average_precision(scores, bad),
        escapes=_escapes(*at_threshold),
        overkill=_overkill(*at_threshold),
        escapes_by_part=_escapes(*parts_at_threshold),
        overkill_by_part=_overkill(*parts_at_threshold),
        auc_by_part=auc(parts, part_bad),
        alarms={f"{recall:.2f}": _alarms(scores, bad, recall, members) for recall in RECALLS},
        classes=_by_class(items, threshold),
        views=_by_view(items, threshold),
        reliability=bins,
        calibration_error=error,
        costs=[_cheapest(scores, bad, ratio, threshold) for ratio in RATIOS],
        baseline=best_baseline(items),
        pointing=pointing(items),
    )


def paired_gain(items: Sequence[ScoredItem], others: Sequence[ScoredItem]) -> Estimate:
    """How much the area under the ROC curve of `items` is above that of `others`, on the pictures
    that both have scored.
    """
    of_other = {each.item.name: each.score for each in others}
    both = [each for each in items if each.item.name in of_other]
    scores, bad = arrays(both)
    other = np.array([of_other[each.item.name] for each in both])
    members = grouped([each.item.unit for each in both])
    return bootstrap(members, lambda at: auc(scores[at], bad[at]) - auc(other[at], bad[at]))


def arrays(items: Sequence[ScoredItem]) -> tuple[Scores, Truths]:
    """Scores and truths of the pictures."""
    return np.array([each.score for each in items]), np.array([each.is_bad for each in items], bool)


def _alarms(
    scores: Scores, bad: Truths, recall: float, members: Sequence[npt.NDArray[np.int64]]
) -> tuple[float, Estimate]:
    """The threshold for that recall here, and the false alarm rate that goes with it, in each draw
    at the threshold of that draw.
    """

    def rate(at: npt.NDArray[np.int64]) -> float:
        if bad[at].all() or not bad[at].any():
            return float("nan")
        return alarms_at_recall(scores[at], bad[at], recall)[1]

    return alarms_at_recall(scores, bad, recall)[0], bootstrap(members, rate)


def _escapes(scores: Scores, bad: Truths, units: Units, threshold: float) -> GroupedShare:
    return grouped_share(scores[bad] < threshold, units[bad])


def _overkill(scores: Scores, bad: Truths, units: Units, threshold: float) -> GroupedShare:
    return grouped_share(scores[~bad] >= threshold, units[~bad])


def _units(items: Sequence[ScoredItem]) -> Units:
    return np.array([each.item.unit for each in items], str)


def _by_part(items: Sequence[ScoredItem]) -> tuple[Scores, Truths, Units]:
    """A part is as bad as its worst picture; where no part is named, a picture is a part."""
    highest, is_bad, unit = defaultdict[str, float](float), Counter[str](), dict[str, str]()
    for each in items:
        name = each.item.part or each.item.name
        highest[name] = max(highest[name], each.score)
        is_bad[name] += each.is_bad
        unit.setdefault(name, each.item.unit)
    bad = np.array([is_bad[name] > 0 for name in highest], bool)
    return np.array(list(highest.values())), bad, np.array([unit[name] for name in highest], str)


def _by_class(items: Sequence[ScoredItem], threshold: float) -> list[SliceFigures]:
    good = [each for each in items if not each.is_bad]
    names = Counter(each.item.class_name for each in items if each.is_bad)
    return [
        _slice(name, [*good, *(each for each in items if each.item.class_name == name)], threshold)
        for name in sorted(names)
    ]


def _by_view(items: Sequence[ScoredItem], threshold: float) -> list[SliceFigures]:
    views = sorted({str(each.item.about["view"]) for each in items if each.item.about.get("view")})
    return [
        _slice(
            view, [each for each in items if str(each.item.about.get("view")) == view], threshold
        )
        for view in views
    ]


def _slice(name: str, items: Sequence[ScoredItem], threshold: float) -> SliceFigures:
    scores, bad = arrays(items)
    area = auc(scores, bad)
    errors = scores, bad, _units(items), threshold
    figure = None if np.isnan(area) else area
    return SliceFigures(name, figure, _escapes(*errors), _overkill(*errors))


def _cheapest(scores: Scores, bad: Truths, ratio: int, threshold: float) -> CostPoint:
    tried = np.append(np.unique(scores), np.nextafter(scores.max(), 2.0))
    # Of each threshold: the bad ones below it, the good ones at or above it.
    escapes = np.searchsorted(np.sort(scores[bad]), tried)
    overkill = (~bad).sum() - np.searchsorted(np.sort(scores[~bad]), tried)
    costs = ratio * escapes + overkill
    at = int(np.argmin(costs))
    now = ratio * (scores[bad] < threshold).sum() + (scores[~bad] >= threshold).sum()
    per = 1000 / len(scores)
    return CostPoint(
        ratio,
        min(1.0, float(tried[at])),
        int(escapes[at]),
        int(overkill[at]),
        float(costs[at]) * per,
        float(now) * per,
    )


def _plain(values: dict[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    for name in ("escapes", "overkill", "escapes_by_part", "overkill_by_part"):
        values[name] = getattr(evaluation, name).to_json_values()
    for name, slices in (("classes", evaluation.classes), ("views", evaluation.views)):
        values[name] = [
            {
                "name": each.name,
                "auc": each.auc,
                "escapes": each.escapes.to_json_values(),
                "overkill": each.overkill.to_json_values(),
            }
            for each in slices
        ]
    values["alarms"] = {
        recall: {"threshold": threshold, **asdict(rate)}
        for recall, (threshold, rate) in evaluation.alarms.items()
    }
    if evaluation.baseline:
        values["baseline"] |= {"words": evaluation.baseline.words}
    if evaluation.pointing:
        values["pointing"] |= {
            "hits": evaluation.pointing.hits.to_json_values(),
            "words": evaluation.pointing.words,
        }
    return values
