"""The section [metrics]: where Prometheus reads the station's figures."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator

from qc_edge.settings.section import Section


class MetricsSettings(Section):
    """Figures for Prometheus; never reachable from another machine."""

    listen: str = Field(
        default="none",
        description="none; unix: on metrics.sock beside status.json; or a port of this machine "
        "alone: 127.0.0.1:9464.",
    )

    @field_validator("listen")
    @classmethod
    def _stays_on_this_machine(cls, listen: str) -> str:
        if listen in {"none", "unix"}:
            return listen
        host, _, port = listen.rpartition(":")
        try:
            address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError(
                f'got {listen!r}, expected "none", "unix" or "127.0.0.1:PORT"'
            ) from None
        if not address.is_loopback:
            words = (
                "expected 127.0.0.1 or [::1], with an agent or a proxy of this machine before it"
            )
            raise ValueError(f"{host} can be reached from other machines; {words}")
        if not (port.isdecimal() and 1024 <= int(port) <= 65535):
            raise ValueError(f"got port {port!r}, expected 1024 to 65535")
        return listen
