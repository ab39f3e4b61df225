"""What a head and a probe learn from: features, the truth of each picture, and people's marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_edge.training.learning.features import FLIPS, Features
from qc_edge.training.learning.pictures import Marks


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What is learnt from: features with the truth of each picture, and marks where there are
    any.
    """

    features: Features
    bad: npt.NDArray[np.bool_]
    marks: Sequence[Marks | None]

    def flipped_marks(self, at: int, flip: int) -> Marks:
        """Marks as the picture lies; all NaN where a defect has none, 0 where all is good."""
        found = self.marks[at]
        if found is None:
            shape = self.features.shapes[1]
            fill = np.nan if self.bad[at] else 0.0
            return np.full((shape.height, shape.width), fill, np.float32)
        axes = FLIPS[flip]
        return np.ascontiguousarray(np.flip(found, axes)) if axes else found
