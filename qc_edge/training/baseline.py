"""Would a figure that needs no model do as well? Then the model may look at the wrong thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_edge.training.metrics import Estimate, auc, bootstrap, grouped
from qc_edge.training.scoring import ScoredItem

STATISTICS = ("brightness", "contrast", "horizontal gradient", "vertical gradient")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The best of STATISTICS, in the direction that suits it, and how much the model is above it
    (a paired difference of the areas under the ROC curves).
    """

    name: str
    auc: float
    gain: Estimate

    @property
    def is_no_worse(self) -> bool:
        """The model is not surely better."""
        surely = self.gain.value if self.gain.low is None else self.gain.low
        return not surely > 0.0  # a NaN is no better either

    @property
    def words(self) -> str:
        """What a person should make of it."""
        if self.is_no_worse:
            return (
                f"the {self.name} of the picture alone gives {self.auc:.3f}: the model is not "
                "surely better, and may look at the wrong thing (light, focus, another batch)"
            )
        return (
            f"the {self.name} of the picture alone gives {self.auc:.3f}; the model is better by "
            f"{self.gain.words()}"
        )


def best_baseline(items: Sequence[ScoredItem]) -> Baseline | None:
    """None unless there are good and bad ones."""
    bad = np.array([each.is_bad for each in items], bool)
    if bad.all() or not bad.any():
        return None
    scores = np.array([each.score for each in items])
    members = grouped([each.item.unit for each in items])
    figures = []
    for number, name in enumerate(STATISTICS):
        values = np.array([each.statistics[number] for each in items])
        # Chosen by the truth itself, which flatters it a little: a hurdle, not a model.
        values = values if auc(values, bad) >= 0.5 else -values
        figures.append((auc(values, bad), name, values))
    area, name, values = max(figures, key=lambda figure: figure[0])
    gain = bootstrap(members, lambda at: auc(scores[at], bad[at]) - auc(values[at], bad[at]))
    return Baseline(name, area, gain)
