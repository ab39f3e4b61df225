"""What a training tells of its model: figures of pictures that it had not learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qc_edge.training.choosing import propose_threshold
from qc_edge.training.grouped_share import grouped_share
from qc_edge.training.learning.fitting import Fitted, HeldOut
from qc_edge.training.learning.pictures import LearningPicture
from qc_edge.training.metrics import Estimate, auc, bootstrap, grouped
from qc_edge.training.scoring import ScoredItem, statistics_of


@dataclass(frozen=True, slots=True)
class Transfer:
    """The threshold that was set on the other folds, at one fold's pictures."""

    fold: int
    threshold: float
    caught: int
    bad: int
    alarms: int
    good: int


@dataclass(frozen=True, slots=True)
class HalfTheParts:
    """The area under the ROC curve with half of the groups, and with all, on the same pictures."""

    half: float
    whole: float
    gain: Estimate

    @property
    def words(self) -> str:
        """What a person should make of it."""
        return (
            f"learnt from half of the parts it reaches {self.half:.3f} instead of "
            f"{self.whole:.3f} ({self.gain.words()}): "
            + (
                "more parts would make it better"
                if (self.gain.low or 0.0) > 0
                else "more parts of the same kind may bring little"
            )
        )


def held_out_items(pictures: Sequence[LearningPicture], held_out: HeldOut) -> list[ScoredItem]:
    """The pictures with the scores and maps of the model that had not learnt from them."""
    return [
        ScoredItem(
            item=each.item,
            score=float(held_out.scores[at]),
            defect_map=held_out.maps[at],
            predicted=None,
            statistics=statistics_of(each.pixels),
            sees_whole=True,
            pixels=each.raw_sha256,
        )
        for at, each in enumerate(pictures)
    ]


def transfers(items: Sequence[ScoredItem], held_out: HeldOut, escape_cost: float) -> list[Transfer]:
    """How a threshold does on parts that it was not set on, fold by fold."""
    found = []
    for fold in sorted(set(held_out.folds.tolist())):
        others = [item for item, of in zip(items, held_out.folds, strict=True) if of != fold]
        own = [item for item, of in zip(items, held_out.folds, strict=True) if of == fold]
        if len({each.is_bad for each in others}) < 2:
            continue
        threshold, _ = propose_threshold(others, escape_cost)
        caught = [each.score >= threshold for each in own if each.is_bad]
        alarms = [each.score >= threshold for each in own if not each.is_bad]
        found.append(Transfer(fold, threshold, sum(caught), len(caught), sum(alarms), len(alarms)))
    return found


def half_the_parts(items: Sequence[ScoredItem], fitted: Fitted) -> HalfTheParts | None:
    """None where there are too few groups to halve them."""
    if not fitted.half:
        return None
    at = np.concatenate([places for places, _, _ in fitted.half])
    less = np.concatenate([scores for _, scores, _ in fitted.half])
    full = np.concatenate([scores for _, _, scores in fitted.half])
    bad = np.array([items[place].is_bad for place in at.tolist()], bool)
    if bad.all() or not bad.any():
        return None
    members = grouped([items[place].item.unit for place in at.tolist()])
    gain = bootstrap(members, lambda of: auc(full[of], bad[of]) - auc(less[of], bad[of]))
    return HalfTheParts(auc(less, bad), auc(full, bad), gain)


def transfer_words(found: Sequence[Transfer]) -> str:
    """In one line."""
    listed = "; ".join(
        f"{each.caught} of {each.bad} caught, {each.alarms} of {each.good} false alarms"
        for each in found
    )
    return f"a threshold set on the other folds, fold by fold: {listed}"


def by_group(items: Sequence[ScoredItem], threshold: float) -> list[Mapping[str, Any]]:
    """Errors of each group, worst first."""
    units = sorted({each.item.unit for each in items})
    found = []
    for unit in units:
        own = [each for each in items if each.item.unit == unit]
        escapes = sum(each.is_bad and each.score < threshold for each in own)
        overkill = sum(not each.is_bad and each.score >= threshold for each in own)
        found.append(
            {"group": unit, "pictures": len(own), "escapes": escapes, "overkill": overkill}
        )
    return sorted(found, key=lambda each: (-each["escapes"], -each["overkill"], each["group"]))


def learnt_ranges(
    pictures: Sequence[LearningPicture], items: Sequence[ScoredItem]
) -> Mapping[str, tuple[float, float]]:
    """Where 98 % of the good pictures are: what a station holds its accepted parts against."""
    good = [at for at, each in enumerate(pictures) if not each.is_bad]
    values = {"score": [items[at].score for at in good]}
    figures = [each for at in good if (each := pictures[at].figures) is not None]
    for name in ("focus", "brightness", "contrast"):
        values[name] = [float(getattr(each, name)) for each in figures]
    return {
        name: (float(np.quantile(own, 0.01)), float(np.quantile(own, 0.99)))
        for name, own in values.items()
        if len(own) > 1
    }


def alarm_share(items: Sequence[ScoredItem], threshold: float) -> Mapping[str, Any]:
    """Of good parts alone."""
    alarms = [each.score >= threshold for each in items]
    return grouped_share(alarms, [each.item.unit for each in items]).to_json_values()
