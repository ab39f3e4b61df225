"""Head and probe as one score in 0..1: both on one scale, at equal weights, then calibrated.

All of it is set on scores of pictures that head and probe had not learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from qc_edge.training.calibration import Scores, logistic, platt


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
        return logistic(self.slope * self._joined(head, probe) + self.shift)

    def cells(self, head: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A map, 0..1: what each cell would make of the head's half of the score."""
        z = (head.astype(np.float64) - self.head_mean) / self.head_deviation
        return np.asarray(logistic(self.slope * z + self.shift), np.float32)

    def _joined(self, head: Scores, probe: Scores) -> Scores:
        one = (head - self.head_mean) / self.head_deviation
        other = (probe - self.probe_mean) / self.probe_deviation
        return np.asarray((one + other) / 2, np.float64)


def fit_fusion(head: Scores, probe: Scores, bad: npt.NDArray[np.bool_]) -> Fusion:
    """From scores of pictures that were not learnt from."""
    plain = Fusion(
        float(head.mean()),
        max(float(head.std()), 1e-6),
        float(probe.mean()),
        max(float(probe.std()), 1e-6),
        1.0,
        0.0,
    )
    slope, shift = platt(plain._joined(head, probe), bad)
    return replace(plain, slope=slope, shift=shift)
