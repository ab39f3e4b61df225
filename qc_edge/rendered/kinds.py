"""Kinds of defects and of frame faults, and a rendered part with the truth about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class DefectKind(str, Enum):
    """A fault of the part: the model should see it."""

    SCRATCH = "scratch"
    PIT = "pit"
    STAIN = "stain"
    CHIPPED_EDGE = "chipped_edge"
    MISSING_HOLE = "missing_hole"

    __str__ = str.__str__


class FrameFault(str, Enum):
    """A fault of the frame: the gates should refuse it before the model."""

    DEFOCUSED = "defocused"
    OVEREXPOSED = "overexposed"
    UNDEREXPOSED = "underexposed"
    OUT_OF_FRAME = "out_of_frame"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Product:
    """How the frames of one product look: so many `holes` on the bolt circle, and how bright they
    are, 1.0 as the reference model was trained.
    """

    holes: int = 6
    brightness: float = 1.0


SIX_HOLES = Product()


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPart:
    """One frame and the truth about it.

    `pixels` is H x W uint8; `mask` is H x W bool, True where the defect is visible; `severity` is 0
    (barely visible) to 1, and 0 without a defect.
    """

    seed: int
    pixels: Grey
    mask: Mask
    defect: DefectKind | None
    severity: float
    fault: FrameFault | None

    @property
    def is_defective(self) -> bool:
        """True if the part should not leave the plant."""
        return self.defect is not None

    @property
    def sha256(self) -> str:
        """Hex digest of the pixel bytes in C order."""
        return hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest()
