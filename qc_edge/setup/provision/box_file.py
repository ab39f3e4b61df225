"""The file that a box is provisioned from, as a person writes it; nothing secret stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from qc_edge.settings.section import NAME_PATTERN, Name, Section, Text
from qc_edge.setup.provision.update_source import UpdateSource

_SSH_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-\S+|sk-\S+) [A-Za-z0-9+/=]{16,}( .*)?")
_PERSON = r"^[a-z][a-z0-9._-]{0,30}$"
"""As the page calls people."""
_HOST = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class BoxSection(Section):
    """The box itself: how it is called, its time, who may log in."""

    host_name: str | None = Field(default=None, pattern=_HOST, description="Letters, digits, -.")
    time_servers: tuple[Annotated[str, Field(pattern=r"^\S+$")], ...] = Field(
        default=(), description="Names or addresses."
    )
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
    addresses: tuple[str, ...] = Field(
        default=(), description="10.0.0.17/24; without any it asks for one (DHCP)."
    )
    gateway: Text | None = Field(default=None, description="Of the plant's network.")
    dns: tuple[Text, ...] = Field(default=(), description="Name servers.")
    mtu: int | None = Field(default=None, ge=576, le=9216, description="9000 for GigE cameras.")

    # networkd leaves out a line that it does not understand: the box would be out of reach.
    @field_validator("addresses")
    @classmethod
    def _have_a_prefix(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            ip_interface(address)
            if "/" not in address:
                raise ValueError(f"got {address!r}, expected its prefix too: 10.0.0.17/24")
        return addresses

    @field_validator("gateway")
    @classmethod
    def _is_an_address(cls, gateway: str | None) -> str | None:
        return gateway if gateway is None else str(ip_address(gateway))

    @field_validator("dns")
    @classmethod
    def _are_addresses(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_address(server)) for server in servers)


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

    @field_validator("recipes")
    @classmethod
    def _are_called_like_recipes(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        names = [Path(file).stem for file in files]
        for file, name in zip(files, names, strict=True):
            if not re.fullmatch(NAME_PATTERN, name):
                raise ValueError(f"{file!r} names a recipe {name!r}, expected a name like bottle-7")
        _differ(names, "a recipe")
        return files


class UserSection(Section):
    """One [[user]]: somebody who may use the page of each station; a one-time code lets them in."""

    name: str = Field(pattern=_PERSON, description="Small letters.")
    role: Literal["operator", "reviewer", "engineer", "quality"] = Field(
        description="operator, reviewer, engineer or quality."
    )


class InstallSection(Section):
    """[install]: where the installer on a stick writes the image, without asking; read by
    `qc-edge flash` alone.
    """

    disk: Text = Field(
        description="only (the one disk inside that it fits on), a serial number, a model, or a "
        "path such as /dev/nvme0n1."
    )
    existing: Literal["refuse", "keep", "wipe"] = Field(
        default="refuse", description="What becomes of another qc-edge's records on that disk."
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
    install: InstallSection | None = Field(
        default=None, description="The disk that the installer on a stick takes without asking."
    )

    @field_validator("station")
    @classmethod
    def _names_differ(cls, stations: tuple[StationSection, ...]) -> tuple[StationSection, ...]:
        _differ([station.name for station in stations], "a station")
        return stations

    @field_validator("network")
    @classmethod
    def _interfaces_differ(
        cls, network: tuple[InterfaceSection, ...]
    ) -> tuple[InterfaceSection, ...]:
        _differ([interface.interface for interface in network], "an interface")
        return network

    @field_validator("user")
    @classmethod
    def _people_differ(cls, users: tuple[UserSection, ...]) -> tuple[UserSection, ...]:
        _differ([user.name for user in users], "a user")
        return users


def _differ(names: Sequence[str], what: str) -> None:
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{what} is given twice: {', '.join(sorted(twice))}")
