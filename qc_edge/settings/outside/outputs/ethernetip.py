"""An [[output]] with protocol = "ethernetip"."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator

from qc_edge.settings.outside.outputs.addresses import split_place
from qc_edge.settings.outside.outputs.asking import AskingSettings


class EthernetipSettings(AskingSettings):
    """Two tags of a Logix controller (ControlLogix, CompactLogix), which the station reads and
    writes.
    """

    protocol: Literal["ethernetip"] = Field(
        description="A Logix controller, by EtherNet/IP messages to its tags."
    )
    connect: str = Field(
        description="ADDRESS:PORT of the controller or of its network module: 192.168.10.20:44818.",
    )
    slot: int = Field(
        default=0, ge=0, le=16, description="The slot of its processor: 0 of a CompactLogix."
    )
    tag: str = Field(
        default="QcEdge",
        pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$",
        max_length=30,
        description="What the names of the two tags begin with: QcEdge_ToLine and QcEdge_FromLine, "
        "as in docs/plc/logix-tags.csv.",
    )

    @property
    def to_line(self) -> str:
        """The tag that the station writes."""
        return f"{self.tag}_ToLine"

    @property
    def from_line(self) -> str:
        """The tag that the line writes."""
        return f"{self.tag}_FromLine"

    @property
    def owns(self) -> tuple[str, ...]:
        """The tags; a controller takes no notice of capitals in their names."""
        return (f"tag {self.tag.lower()} at {self.connect}",)

    @field_validator("connect")
    @classmethod
    def _is_of_version_4(cls, connect: str) -> str:
        host = split_place(connect)[0]
        if ipaddress.ip_address(host).version != 4:
            raise ValueError(f"got {host}, expected an IPv4 address: EtherNet/IP has no other")
        return connect
