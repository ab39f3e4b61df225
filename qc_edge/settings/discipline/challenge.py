"""The section [challenge]: when the station has to prove that it still catches what it must."""

from __future__ import annotations

from pydantic import Field

from qc_edge.settings.section import Section


class ChallengeSettings(Section):
    """When challenge parts have to be shown; until they have, the station is not ready."""

    at_shift_start: bool = Field(
        default=False,
        description="At the start of each shift of station.shifts; of each day where there is "
        "none.",
    )
    at_changeover: bool = Field(default=False, description="After each changeover of the recipe.")
    at_change: bool = Field(
        default=False,
        description="After each change of a model, of what runs it, of a threshold or of a "
        "calibration.",
    )
    every_h: float = Field(
        default=0.0, ge=0, le=8760, description="So long after the last one (h); 0: not by time."
    )

    @property
    def is_on(self) -> bool:
        """True if there is a schedule at all."""
        return self.at_shift_start or self.at_changeover or self.at_change or self.every_h > 0
