"""Head and probe as one score in 0..1: both on one scale, at equal weights, then calibrated.

All of it is set on scores of pictures that head and probe had not learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

_STEPS = 100

_FLATTEST = 0.5
"""Higher scores are worse, whatever a few pictures say."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """score = 1 / (1 + exp(-(slope * z + shift))), z = the mean of both scores, each less its mean
    and over its deviation. Fitted weights instead of equal ones were no better.
    """

    head_mean: float
    head_deviation: float
    probe_mean: float
    probe_deviation: float
    slope: float
    shift: float

    def scores(self, head: Scores, probe: Scores) -> Scores:
        """Of pictures, 0..1."""
        return _logistic(self.slope * self._joined(head, probe) + self.shift)

    def cells(self, head: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A map, 0..1: what each cell would make of the head's half of the score."""
        z = (head.astype(np.float64) - self.head_mean) / self.head_deviation
        return np.asarray(_logistic(self.slope * z + self.shift), np.float32)

    def _joined(self, head: Scores, probe: Scores) -> Scores:
        one = (head - self.head_mean) / self.head_deviation
        other = (probe - self.probe_mean) / self.probe_deviation
        return np.asarray((one + other) / 2, np.float64)


def fit_fusion(head: Scores, probe: Scores, bad: npt.NDArray[np.bool_]) -> Fusion:
    """From scores of pictures that were not learnt from.

    J. Platt, Probabilistic outputs for support vector machines, 1999, with his targets that keep a
    perfect separation from an endless slope.
    """
    plain = Fusion(
        float(head.mean()),
        max(float(head.std()), 1e-6),
        float(probe.mean()),
        max(float(probe.std()), 1e-6),
        1.0,
        0.0,
    )
    z = plain._joined(head, probe)
    count, goods = int(bad.sum()), int((~bad).sum())
    targets = np.where(bad, (count + 1) / (count + 2), 1 / (goods + 2))
    design = np.stack([z, np.ones_like(z)], axis=1)
    found = np.zeros(2)
    for _ in range(_STEPS):  # Newton's: two unknowns of a convex loss
        share = _logistic(design @ found)
        slope = design.T @ (share - targets) + 1e-6 * found
        curve = (design * (share * (1 - share))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        found = found - step
        if float(np.abs(step).max()) < 1e-9:
            break
    steep, shift = float(found[0]), float(found[1])
    if steep < _FLATTEST:
        # What was held out says nothing, or by chance the reverse: a score must never be turned
        # round for that.
        steep, shift = _FLATTEST, float(np.log((count + 1) / (goods + 1)))
    return replace(plain, slope=steep, shift=shift)


def _logistic(values: Scores) -> Scores:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60, 60))), np.float64)
