"""An [[output]] with protocol = "s7"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.outside.outputs.asking import AskingSettings


class S7Settings(AskingSettings):
    """A data block of a Siemens S7 controller, which the station reads and writes."""

    protocol: Literal["s7"] = Field(description="A Siemens S7 controller, by PUT/GET.")
    connect: str = Field(
        description="ADDRESS:PORT of the controller: 192.168.10.20:102.",
    )
    rack: int = Field(default=0, ge=0, le=7, description="The rack of its processor.")
    slot: int = Field(
        default=1, ge=0, le=31, description="The slot: 1 of an S7-1200 or 1500, 2 of an S7-300."
    )
    block: int = Field(ge=1, le=65535, description="The number of the data block: DB100 is 100.")

    @property
    def owns(self) -> tuple[str, ...]:
        """The data block."""
        return (f"DB{self.block} at {self.connect}",)
