"""A logistic regression on the statistics of a picture's features: whether the whole looks bad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_edge.training.learning.features import FLIPS, Features

_STEPS = 60

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ProbeWeights:
    """score = statistics . weights + bias; the standardisation is already in them."""

    weights: Floats
    bias: float

    def scores(self, statistics: Floats) -> npt.NDArray[np.float64]:
        """Log odds that a picture is bad."""
        return statistics.astype(np.float64) @ self.weights.astype(np.float64) + self.bias


def learn_probe(
    features: Features,
    bad: npt.NDArray[np.bool_],
    learnt: npt.NDArray[np.int64],
    penalty: float,
) -> ProbeWeights:
    """Learnt from all orientations; both kinds weigh the same. `penalty` of the squared weights."""
    import torch

    flips = len(FLIPS)
    values = features.statistics[learnt].reshape(len(learnt) * flips, -1).astype(np.float64)
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-4)
    truth = np.repeat(bad[learnt], flips)
    weigh = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
    given = torch.from_numpy((values - mean) / deviation)
    signs = torch.from_numpy(np.where(truth, 1.0, -1.0))
    shares = torch.from_numpy(weigh)
    weights = torch.zeros(given.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure():  # type: ignore[no-untyped-def]
        solver.zero_grad()
        margin = signs * (given @ weights + bias)
        loss = (shares * torch.nn.functional.softplus(-margin)).sum() + penalty * (weights**2).sum()
        loss.backward()
        return loss

    solver.step(closure)
    found = weights.detach().numpy() / deviation
    return ProbeWeights(found.astype(np.float32), float(bias.detach()) - float(found @ mean))
