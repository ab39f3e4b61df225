"""The file that a box is provisioned from, as a person writes it; nothing secret stands in it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from qc_edge.settings.section import Name, Section, Text
from qc_edge.setup.provision.update_source import UpdateSource

_SSH_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-\S+|sk-\S+) [A-Za-z0-9+/=]{16,}( .*)?")
_ADDRESS = r"^[0-9A-Fa-f.:]+/\d{1,3}$"
_HOST = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class BoxSection(Section):
    """The box itself: how it is called, its time, who may log in."""

    host_name: str | None = Field(default=None, pattern=_HOST, description="Letters, digits, -.")
    time_servers: tuple[Text, ...] = Field(default=(), description="Names or addresses.")
    ssh_keys: tuple[str, ...] = Field(
        default=(), description="Public keys that may log in as root; passwords never may."
    )

    @field_validator("ssh_keys")
    @classmethod
    def _are_public_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not _SSH_KEY.fullmatch(key):
                raise ValueError(f"got {key[:40]!r}, expected a line of an id_ed25519.pub")
        return keys


class InterfaceSection(Section):
    """One [[network]]: an interface of the box, for systemd-networkd."""

    interface: str = Field(pattern=r"^[a-zA-Z0-9_.*-]{1,15}$", description="enp1s0, or en*.")
    addresses: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(
        default=(), description="10.0.0.17/24; without any it asks for one (DHCP)."
    )
    gateway: Text | None = Field(default=None, description="Of the plant's network.")
    dns: tuple[Text, ...] = Field(default=(), description="Name servers.")
    mtu: int | None = Field(default=None, ge=576, le=9216, description="9000 for GigE cameras.")


class StationSection(Section):
    """One [[station]]: what it has of its own over the template."""

    name: Name = Field(description="The station's name.")
    enable: bool = Field(default=True, description="Start it at every boot.")
    cameras: dict[str, Text] = Field(
        default={}, description='Serial numbers: cameras = { top = "40012345" }.'
    )
    recipes: tuple[Text, ...] = Field(
        default=(), description="Files with a recipe each, beside this one; NAME.toml."
    )
    settings: dict[str, Any] = Field(
        default={}, description="The station's own settings, as in /etc/qc-edge/NAME.toml."
    )


class UserSection(Section):
    """One [[user]]: somebody who may use the page of each station; a one-time code lets them in."""

    name: Text = Field(description="Small letters.")
    role: Literal["operator", "reviewer", "engineer", "quality"] = Field(
        description="operator, reviewer, engineer or quality."
    )


class BoxFile(Section):
    """The whole file."""

    provision: Literal[1] = Field(description="The form of this file: provision = 1.")
    template: Text | None = Field(
        default=None, description="A file of settings beside this one, for every station."
    )
    trusted_keys: tuple[str, ...] = Field(
        default=(), description="Public keys of whoever approves models: model.trusted_keys."
    )
    box: BoxSection = BoxSection()
    network: tuple[InterfaceSection, ...] = ()
    settings: dict[str, Any] = Field(
        default={}, description="Settings for every station of this box, over the template."
    )
    upstream: dict[str, Any] = Field(default={}, description="The section [upstream] of all.")
    station: tuple[StationSection, ...] = Field(default=(), description="The box's stations.")
    user: tuple[UserSection, ...] = Field(default=(), description="Who may use the pages.")
    update: UpdateSource | None = Field(default=None, description="Where updates come from.")

    @field_validator("station")
    @classmethod
    def _names_differ(cls, stations: tuple[StationSection, ...]) -> tuple[StationSection, ...]:
        names = [station.name for station in stations]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"a station is given twice: {', '.join(sorted(twice))}")
        return stations
