"""What the log adds up to for control charts, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Regime:
    """Under what frames were judged alike: another model, threshold or calibration makes other
    rates, and what came before says nothing of them. A threshold that is set back makes the ones
    of before.

    Of what the gates measured, which neither model nor threshold changes, `model` is empty and
    `threshold` None.
    """

    view: str
    recipe: str | None
    model: str
    threshold: float | None
    calibration_id: str

    @property
    def of(self) -> str:
        """The view, and the recipe where there is one."""
        return f"{self.view}, {self.recipe}" if self.recipe else self.view

    @property
    def of_picture(self) -> Regime:
        """The one of what the gates measured."""
        return replace(self, model="", threshold=None)


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """The frames of one stretch of time of a regime.

    `invalid` are counts by the reason, `classes` those of FAIL by the class that the model named
    ("" where it named none); `figures` are means, `score` that of the accepted frames. Figures
    that were not taken are left out. `held` is without those for which the station held all.
    """

    begins: datetime
    frames: int
    judged: int
    failed: int
    held: int
    invalid: Mapping[str, int]
    classes: Mapping[str, int]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LotCount:
    """The frames of one lot of a view and recipe; `begins` is when the first was recorded."""

    view: str
    recipe: str | None
    lot: str
    begins: datetime
    frames: int
    judged: int
    failed: int
    invalid: int
    held: int
