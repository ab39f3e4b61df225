"""An [[output]] with protocol = "modbus"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.outside.outputs.serving import ServingSettings


class ModbusSettings(ServingSettings):
    """A Modbus TCP server, which the line reads and writes."""

    protocol: Literal["modbus"] = Field(description="A Modbus TCP server.")
