"""What an output over digital lines has, whatever drives them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from qc_edge.settings.outside.output import LineSettings


class DigitalSettings(LineSettings):
    """A pulse for each part, and nobody answers."""

    active_low: bool = Field(default=False, description="Active is the low level.")
    pulse_ms: float = Field(default=50.0, ge=1, le=10_000, description="So long is a pulse (ms).")
    delay_ms: float | None = Field(
        default=None,
        ge=0,
        le=600_000,
        description="A pulse begins so long after the exposure (ms), wherever the part is then: an "
        "ACCEPT that is too late for it is not given. Unset: as soon as the result is there.",
    )
    sequence: Literal["line", "station"] = Field(
        default="station", description="station: such a line has no numbers."
    )
    acknowledge: bool = Field(default=False, description="false: nobody answers.")
    peer_heartbeat_ms: float = Field(default=0.0, description="0: nobody answers.")

    @property
    def wired(self) -> tuple[str | int | None, ...]:
        """The lines of accept, reject, hold and ready; None: there is none."""
        raise NotImplementedError

    @field_validator("peer_heartbeat_ms")
    @classmethod
    def _nobody_beats(cls, given: float) -> float:
        if given != 0:
            raise ValueError(f"got {given:g}, expected 0: nobody answers at a digital line")
        return given

    @model_validator(mode="after")
    def _nobody_answers(self) -> DigitalSettings:
        if self.sequence != "station" or self.acknowledge or self.confirm or self.recipes:
            raise ValueError(
                "a digital line answers nothing: expected sequence = station, acknowledge = false, "
                "recipes = false and no confirm"
            )
        used = [each for each in self.wired if each is not None]
        if len(set(used)) != len(used):
            raise ValueError(f"accept, reject, hold and ready need a line each, got {used}")
        return self
