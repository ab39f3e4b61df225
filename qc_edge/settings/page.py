"""The section [page]: where the station's page listens, and how it is reached from elsewhere."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator, model_validator

from qc_edge.settings.section import Section


def is_loopback(host: str) -> bool:
    """True for an address that no other machine can reach. Raises ValueError for a name."""
    return ipaddress.ip_address(host).is_loopback


class PageSettings(Section):
    """The station's page, a process of its own: qc-edge-page@NAME."""

    listen: str = Field(
        default="127.0.0.1:8470",
        description="ADDRESS:PORT. Another address than 127.0.0.1 or [::1] needs tls or proxy.",
    )
    tls: Literal["none", "own"] = Field(
        default="none",
        description="own: with a certificate that the page makes at its first start.",
    )
    proxy: str = Field(
        default="",
        description="The address of a proxy that does TLS in front of the page; then nobody else "
        "is answered.",
    )
    names: tuple[str, ...] = Field(
        default=(),
        description="Host names and addresses by which browsers reach the page, as in "
        "https://NAME; others are refused.",
    )
    idle_logout_min: float = Field(
        default=15.0,
        gt=0,
        le=720,
        description="Who does nothing for this long is logged out (min).",
    )
    live_without_login: bool = Field(
        default=False,
        description="Show the page Live to whoever reaches the address, for a screen at the line.",
    )
    calibrates: bool = Field(
        default=True,
        description="Engineers and quality may calibrate on the page, from frames of the station "
        "that it measures itself.",
    )

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return self.listen.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.listen.rpartition(":")[2])

    @property
    def is_secure(self) -> bool:
        """True if browsers reach the page by https."""
        return self.tls == "own" or bool(self.proxy)

    @field_validator("listen")
    @classmethod
    def _is_address(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        try:
            ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError(f'got {listen!r}, expected "127.0.0.1:8470"') from None
        if not (port.isdecimal() and 1024 <= int(port) <= 65535):
            raise ValueError(f"got port {port!r}, expected 1024 to 65535")
        return listen

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, proxy: str) -> str:
        if proxy:
            try:
                ipaddress.ip_address(proxy)
            except ValueError:
                raise ValueError(f"got {proxy!r}, expected the address of a machine") from None
        return proxy

    @model_validator(mode="after")
    def _is_not_open(self) -> PageSettings:
        if not is_loopback(self.host) and not self.is_secure:
            raise ValueError(
                f"{self.host} can be reached from other machines, and without TLS passwords could "
                'be read on the way; expected tls = "own", or the address of a proxy that does it'
            )
        return self
