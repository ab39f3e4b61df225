"""What an output has that asks a controller: where that is, and how often it is asked."""

from __future__ import annotations

from pydantic import Field, field_validator

from qc_edge.settings.outside.output import LineSettings
from qc_edge.settings.outside.outputs.addresses import check_place, split_place


class AskingSettings(LineSettings):
    """An output that connects to the line's controller."""

    connect: str = Field(description="ADDRESS:PORT of the controller.")
    poll_ms: float = Field(
        default=10.0,
        ge=1,
        le=1000,
        description="The controller is read so often (ms): its trigger is heard up to so much "
        "later.",
    )

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return split_place(self.connect)[0]

    @property
    def port(self) -> int:
        """The port."""
        return split_place(self.connect)[1]

    @property
    def place(self) -> str:
        """Where the controller is."""
        return self.connect

    @property
    def machines(self) -> tuple[str, ...]:
        """The controller."""
        return (self.host,)

    @field_validator("connect")
    @classmethod
    def _is_one_address(cls, connect: str) -> str:
        return check_place(connect, "the controller answers", 1)
