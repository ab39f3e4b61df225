"""An [[output]] with protocol = "gpio"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.outside.outputs.digital import DigitalSettings


class GpioSettings(DigitalSettings):
    """Digital lines of this machine: a pulse for each part, and nobody answers."""

    protocol: Literal["gpio"] = Field(description="Digital lines of this machine.")
    chip: str = Field(
        pattern=r"^/dev/gpiochip\d+$", description="The chip that has them: /dev/gpiochip0."
    )
    accept: int = Field(ge=0, description="The number of the line that says ACCEPT.")
    reject: int | None = Field(default=None, ge=0, description="The one that says REJECT.")
    hold: int | None = Field(
        default=None, ge=0, description="The one that says HOLD; unset: the line of `reject`."
    )
    ready: int | None = Field(
        default=None, ge=0, description="The one that is active while parts are judged."
    )

    @property
    def wired(self) -> tuple[str | int | None, ...]:
        """Numbers of the chip."""
        return (self.accept, self.reject, self.hold, self.ready)

    @property
    def owns(self) -> tuple[str, ...]:
        """Its lines."""
        lines = set(self.wired) - {None}
        return tuple(f"line {number} of {self.chip}" for number in sorted(map(str, lines)))

    @property
    def place(self) -> str:
        """The chip."""
        return self.chip
