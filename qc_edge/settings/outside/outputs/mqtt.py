"""An [[output]] with protocol = "mqtt"."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator, model_validator

from qc_edge.settings.outside.output import LineSettings
from qc_edge.settings.outside.outputs.addresses import check_place, split_place


class MqttSettings(LineSettings):
    """A client of an MQTT broker (version 5): state and results go out, commands of the line come
    in. User and password, and the certificates, are systemd credentials: docs/plc.md.
    """

    protocol: Literal["mqtt"] = Field(description="A client of an MQTT broker.")
    broker: str = Field(
        description="ADDRESS:PORT of the broker: 192.168.10.5:8883. An address, no name: the "
        "station asks no name server."
    )
    topic: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        max_length=100,
        description="What all topics of this output begin with, its own on the broker: "
        "plant/hall2/line1.",
    )
    tls: bool = Field(
        default=True, description="Encrypted. false: only to this machine or without a login."
    )
    tls_name: str = Field(
        default="", description="The name in the broker's certificate; default: its address."
    )
    login: bool = Field(
        default=True, description="With user and password. false: the broker asks for none."
    )

    @property
    def place(self) -> str:
        """The broker and the topic."""
        return f"{self.broker} {self.topic}"

    @property
    def owns(self) -> tuple[str, ...]:
        """The topic: the broker takes one client for it."""
        return (f"{self.topic} at {self.broker}",)

    @property
    def machines(self) -> tuple[str, ...]:
        """The broker."""
        return (split_place(self.broker)[0],)

    @field_validator("broker")
    @classmethod
    def _is_one_address(cls, broker: str) -> str:
        return check_place(broker, "the broker listens", 1)

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> MqttSettings:
        host = ipaddress.ip_address(split_place(self.broker)[0])
        if self.login and not self.tls and not host.is_loopback:
            raise ValueError(
                f"tls = false would send the password to {self.broker} for all to read; expected "
                "tls = true, or login = false"
            )
        return self
