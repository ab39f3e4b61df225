"""An [[output]] with protocol = "webhook"."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from qc_edge.settings.outside.output import OutputSettings

_URL = re.compile(r"https?://([0-9.]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[!\"$-~]*)?")
_PORTS = {"https": 443, "http": 80}


class WebhookSettings(OutputSettings):
    """A server that is told of each part after the line, by HTTP POST: for what is slow (an MES, a
    database). It decides nothing, and no part waits for it. Secrets are systemd credentials:
    docs/plc.md.
    """

    protocol: Literal["webhook"] = Field(description="HTTP POST of each part, after the line.")
    url: str = Field(
        description="Where to: https://192.168.10.7:8443/parts. An address, no name: the station "
        "asks no name server, and calls no other. http:// only to this machine."
    )
    tls_name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.-]*$",
        description="The name in the server's certificate; default: its address.",
    )
    signed: bool = Field(
        default=True,
        description="Each message is signed (HMAC-SHA256) with the secret of the credential "
        "NAME.secret. false: not.",
    )
    timeout_s: float = Field(
        default=5.0, gt=0, le=30, description="The server has answered within this time (s)."
    )
    give_up_h: float = Field(
        default=72.0,
        gt=0,
        le=8760,
        description="A part is told again and again, in its turn, until the server has taken it, "
        "or it is so old (h).",
    )

    @property
    def place(self) -> str:
        """The URL."""
        return self.url

    @property
    def owns(self) -> tuple[str, ...]:
        """The URL."""
        return (self.url,)

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def is_encrypted(self) -> bool:
        """By TLS."""
        return self.url.startswith("https:")

    @property
    def machines(self) -> tuple[str, ...]:
        """The server."""
        return (self.host,)

    @field_validator("url")
    @classmethod
    def _is_one_address(cls, url: str) -> str:
        found = _URL.fullmatch(url)
        if found is None or int((found[2] or ":1")[1:]) not in range(1, 65536):
            raise ValueError(f'got {url!r}, expected "https://192.168.10.7:8443/parts"')
        try:
            host = ipaddress.ip_address(found[1].strip("[]"))
        except ValueError:
            raise ValueError(f"got {found[1]!r}, expected the address of a machine") from None
        if host.is_unspecified or host.is_multicast:
            raise ValueError(f"{host} is no address of one machine")
        if url.startswith("http:") and not host.is_loopback:
            raise ValueError(f"got {url!r}, expected https:// to another machine than this one")
        return url
