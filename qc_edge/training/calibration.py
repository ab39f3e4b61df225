"""Scores of any scale as odds of being bad, by pictures whose truth is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

_STEPS = 100

_FLATTEST = 0.5
"""Higher scores are worse, whatever a few pictures say."""


def platt(values: Scores, bad: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift, so that 1 / (1 + exp(-(slope * value + shift))) is the share of bad ones.

    `values` are standardised. J. Platt, Probabilistic outputs for support vector machines, 1999,
    with his targets that keep a perfect separation from an endless slope.
    """
    count, goods = int(bad.sum()), int((~bad).sum())
    targets = np.where(bad, (count + 1) / (count + 2), 1 / (goods + 2))
    design = np.stack([values, np.ones_like(values)], axis=1)
    found = np.zeros(2)
    for _ in range(_STEPS):  # Newton's: two unknowns of a convex loss
        share = logistic(design @ found)
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
        return _FLATTEST, float(np.log((count + 1) / (goods + 1)))
    return steep, shift


def logistic(values: Scores) -> Scores:
    """1 / (1 + exp(-x))."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60, 60))), np.float64)
