"""The score of a picture from scores of its patches: the mean of the highest ones, on a scale."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from qc_edge.bundles.adapter import AdapterSection

Floats = npt.NDArray[np.float64]


def logistic(values: Floats) -> Floats:
    """1 / (1 + exp(-x)). Both forms are the same; each is used where it cannot overflow."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def mean_of_highest(patches: Floats, count: int) -> float:
    """The mean of the `count` highest values, NaN if one of all is none, or if that mean is not
    finite: a scale would make of minus infinity the best of scores. Shape does not matter.
    """
    flat = patches.reshape(-1)
    if np.isnan(flat).any():
        return float("nan")  # a partition would hide it at either end
    mean = float(np.partition(flat, len(flat) - count)[-count:].mean())
    return mean if math.isfinite(mean) else float("nan")


def on_scale(values: Floats, section: AdapterSection) -> Floats:
    """What a model gives, for example a distance, as 0..1: 0.5 at `midpoint`."""
    if section.activation != "sigmoid":
        return values
    return logistic((values - section.midpoint) / section.spread)
