"""An [[output]] with protocol = "opcua"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.outside.outputs.serving import ServingSettings


class OpcuaSettings(ServingSettings):
    """An OPC UA server, encrypted, with users: nobody is anonymous. Its certificate, the users and
    the clients' certificates are systemd credentials: docs/plc.md.
    """

    protocol: Literal["opcua"] = Field(description="An OPC UA server.")
    client_certificates: bool = Field(
        default=True,
        description="Only clients whose certificate is in the credential NAME.trusted. false: any, "
        "by user and password alone.",
    )
