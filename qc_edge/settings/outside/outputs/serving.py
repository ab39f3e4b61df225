"""What an output has at which the line knocks: where it listens, and who may connect."""

from __future__ import annotations

from pydantic import Field, field_validator

from qc_edge.settings.outside.output import LineSettings
from qc_edge.settings.outside.outputs.addresses import (
    Place,
    check_machines,
    check_place,
    split_place,
)


class ServingSettings(LineSettings):
    """An output that listens."""

    listen: str = Field(
        default="",
        validate_default=True,
        description="ADDRESS:PORT of this machine at which the line reaches it: 192.168.10.2:5020. "
        "An address by itself, not all of them.",
    )
    peers: tuple[str, ...] = Field(
        default=(),
        validate_default=True,
        description="Addresses of the machines that may connect; any other is turned away.",
    )

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return split_place(self.listen)[0]

    @property
    def port(self) -> int:
        """The port."""
        return split_place(self.listen)[1]

    @property
    def place(self) -> str:
        """Where it listens."""
        return self.listen

    @property
    def listens(self) -> tuple[Place, ...]:
        """The one place."""
        return (split_place(self.listen),)

    @property
    def machines(self) -> tuple[str, ...]:
        """The peers."""
        return self.peers

    @field_validator("listen")
    @classmethod
    def _is_one_address(cls, listen: str) -> str:
        return check_place(listen, "the line reaches this machine", 1024)

    @field_validator("peers")
    @classmethod
    def _are_machines(cls, peers: tuple[str, ...]) -> tuple[str, ...]:
        if not peers:
            raise ValueError('missing; name who may connect: peers = ["192.168.10.20"]')
        check_machines(peers)
        return peers
