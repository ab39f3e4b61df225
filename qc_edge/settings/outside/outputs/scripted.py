"""An [[output]] with protocol = "scripted"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.outside.output import LineSettings


class ScriptedSettings(LineSettings):
    """No wire at all, for tests."""

    protocol: Literal["scripted"] = Field(description="No wire at all, for tests.")
